"""The engine's loop, step by step, with a back end that only notes what it is given."""

from __future__ import annotations

import time
from typing import Dict, List, Optional, Tuple

import pytest
from support.classifying import answer as answer_of
from support.held import POISON
from support.looped import Bench, results, submit

from hotpath.engine.loop import SIGN_S
from hotpath.ipc.marks import Mark
from hotpath.ipc.messages import Attach, Cancel, Hello, Message, Standing, Status
from hotpath.scheduler.costs import Costs
from hotpath.tasks.task import Outputs


def statuses(messages: List[Message]) -> Dict[int, int]:
    found = {result.request: result.outcome.status for result in results(messages)}
    assert len(found) == len(results(messages)), "answered twice"
    return found


def test_attaching_is_answered_with_the_engines_incarnation() -> None:
    bench = Bench()
    bench.send(Attach(1))
    assert bench.turn() == [Hello(7)]


def test_a_lone_request_is_handed_over_in_the_first_turn() -> None:
    bench = Bench()
    bench.send(submit(3))
    assert bench.turn() == [] and len(bench.runner.held) == 1
    (answer,) = results(bench.run())
    assert (answer.request, answer.outcome.batch_size) == (3, 1)
    assert answer.outcome.answer == answer_of(3)


def test_a_quick_batch_of_one_thread_is_run_by_the_loop_itself() -> None:
    bench = Bench(seconds=0.001, runs_anywhere=True)
    bench.send(submit(3))
    (answer,) = results(bench.turn())
    assert answer.outcome.answer == answer_of(3) and not bench.runner.held
    assert bench.marks.of(3, 7, 3) == Mark(ran=True, alone=True)


def test_a_batch_is_quick_by_the_table_however_busy_others_make_the_processors() -> None:
    bench = Bench(costs=Costs({1: {1: 0.001, 4: 0.002}}, pace=20.0), runs_anywhere=True)
    bench.send(submit(3))
    assert len(results(bench.turn())) == 1 and not bench.runner.held


def test_what_is_being_decoded_on_the_engines_processors_is_waited_for_while_that_pays() -> None:
    bench = Bench(costs=Costs({1: {1: 0.1, 4: 0.1}}))
    bench.table.workers[0].set("hotpath_items_coming", 2.0)
    bench.send(submit(1), submit(2))
    bench.turn()
    assert not bench.runner.held, "two more would cost nothing beside these"
    bench.table.workers[0].set("hotpath_items_coming", 0.0)
    bench.send(submit(3))
    bench.turn()
    assert [len(job.items) for job in bench.runner.held] == [3], "nobody else is coming"


def test_a_longer_batch_leaves_the_loop_free_for_messages() -> None:
    bench = Bench(seconds=0.1, runs_anywhere=True)
    bench.send(submit(3))
    assert bench.turn() == [] and len(bench.runner.held) == 1


def test_a_quick_batch_that_fails_is_halved_too() -> None:
    bench = Bench(seconds=0.0001, runs_anywhere=True)
    bench.send(submit(POISON), submit(1))
    answers = {answer.request: answer.outcome.status for answer in results(bench.turn())}
    assert answers == {POISON: Status.FAILED, 1: Status.OK}


def test_the_row_says_since_when_the_device_has_its_batch() -> None:
    bench = Bench(max_batch=1)
    before = time.monotonic()
    bench.send(submit(1), submit(2))
    bench.turn()
    assert len(bench.runner.held) == 2
    first = bench.row.get("hotpath_engine_batch_since_seconds")
    assert before <= first <= time.monotonic()
    bench.runner.release()
    bench.turn()
    second = bench.row.get("hotpath_engine_batch_since_seconds")
    assert second > first, "the device turns to the second batch when it is done with the first"
    bench.run()
    assert bench.row.get("hotpath_engine_batch_since_seconds") == 0.0


def test_the_row_says_when_the_loop_came_round_last(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    clock = time.monotonic()
    monkeypatch.setattr("hotpath.engine.loop.time.monotonic", lambda: clock)
    seen = []
    for seconds in (0.0, 0.1, 1.0, 5.0):
        clock += seconds
        bench.turn()
        seen.append(clock - bench.row.get("hotpath_engine_seen_at_seconds"))
    assert seen == pytest.approx([0.0, 0.1, 0.0, 0.0], abs=1e-3)


def test_a_batch_that_the_loop_has_run_itself_is_over_only_once_the_loop_has_been_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or whoever looks in between finds no batch, and a loop that was last seen before it."""
    bench = Bench(seconds=0.001, runs_anywhere=True)
    clock = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    finish, put = bench.backend.finish, bench.row.set
    told: List[str] = []

    def take_long(batch: List[int]) -> Outputs:
        nonlocal clock
        clock += 9.0
        return finish(batch)

    def note(name: str, value: float, labels: Tuple[str, ...] = ()) -> None:
        told.append(name)
        put(name, value, labels)

    monkeypatch.setattr(bench.backend, "finish", take_long)
    monkeypatch.setattr(bench.row, "set", note)
    bench.send(submit(3))
    bench.turn()
    assert bench.row.get("hotpath_engine_seen_at_seconds") == clock
    signs = [name for name in told if name.endswith(("seen_at_seconds", "batch_since_seconds"))]
    assert signs == ["hotpath_engine_seen_at_seconds", "hotpath_engine_batch_since_seconds"] * 2


def test_an_idle_loop_comes_round_by_itself() -> None:
    bench = Bench()
    polls: List[Optional[float]] = []

    def poll(timeout: Optional[float]) -> None:
        polls.append(timeout)
        if len(polls) == 3:
            raise KeyboardInterrupt

    bench.loop.poll = poll  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        bench.loop.run()
    assert polls == [0.0, SIGN_S, SIGN_S]


def test_what_waits_together_runs_together_up_to_the_largest_batch() -> None:
    bench = Bench(max_batch=4)
    bench.send(*(submit(request) for request in range(6)))
    answers = results(bench.run())
    assert bench.backend.launched == [4, 2]
    assert sorted(answer.request for answer in answers) == list(range(6))
    assert all(a.outcome.answer == answer_of(a.request) for a in answers)


def test_a_full_second_batch_is_handed_over_before_the_first_is_finished_and_a_third_is_not() -> None:
    bench = Bench(max_batch=2, seconds=5.0)
    bench.send(*(submit(request) for request in range(6)))
    bench.turn()
    assert [len(job.items) for job in bench.runner.held] == [2, 2]
    bench.runner.release()
    assert len(results(bench.turn())) == 2
    assert [len(job.items) for job in bench.runner.held] == [2, 2]


def test_messages_are_taken_in_while_a_batch_runs() -> None:
    bench = Bench(max_batch=4, seconds=5.0)
    bench.send(submit(1))
    bench.turn()
    bench.send(submit(2), submit(3), Cancel(1, 7, 2))
    assert statuses(bench.turn()) == {2: Status.CANCELLED}
    assert statuses(bench.run()) == {1: Status.OK, 3: Status.OK}


def test_the_expired_are_answered_and_never_run() -> None:
    bench = Bench()
    bench.send(submit(1, seconds=-1.0, standing=Standing.AGAIN))
    assert statuses(bench.run()) == {1: Status.EXPIRED}
    assert bench.backend.launched == []


def test_who_can_not_be_in_time_is_told_so_at_once() -> None:
    bench = Bench(max_batch=1, seconds=1.0)
    bench.send(submit(1))
    bench.turn()
    bench.send(submit(2, seconds=1.5), submit(3, seconds=30.0))
    assert statuses(bench.turn()) == {2: Status.LATE}
    assert len(bench.runner.held) == 2


def test_who_was_let_in_by_a_predecessor_is_not_turned_away_for_its_priority() -> None:
    bench = Bench(max_batch=1, seconds=1.0)
    again = submit(2, seconds=4.0, priority=9, standing=Standing.AGAIN)
    bench.send(submit(1), submit(3), again, submit(4, seconds=4.0, priority=9))
    assert statuses(bench.turn()) == {4: Status.LATE}


def test_a_cancelled_request_is_confirmed_and_never_runs() -> None:
    bench = Bench()
    bench.send(submit(1), submit(2), Cancel(1, 7, 1))
    assert statuses(bench.run()) == {1: Status.CANCELLED, 2: Status.OK}
    assert bench.backend.launched == [1]


def test_messages_for_the_predecessor_are_dropped() -> None:
    bench = Bench()
    bench.send(submit(1, engine=6), submit(2, engine=7))
    assert statuses(bench.run()) == {2: Status.OK}


def test_what_a_dead_worker_had_queued_is_dropped_when_its_successor_attaches() -> None:
    bench = Bench(workers=2)
    bench.send(submit(1), Attach(2), submit(2, worker=2))
    bench.send(submit(3), worker=1)
    assert statuses(bench.run()) == {2: Status.OK}
    assert bench.backend.launched == [2], "the other worker's request is not the dead one's"


def test_of_a_batch_that_fails_only_the_poison_is_answered_so() -> None:
    bench = Bench(max_batch=8)
    bench.send(*(submit(request) for request in range(POISON - 6, POISON + 2)))
    expected = {r: Status.FAILED if r == POISON else Status.OK for r in range(POISON - 6, POISON + 2)}
    assert statuses(bench.run()) == expected
    assert bench.backend.launched[:2] == [8, 4], "halves, not one by one"
    bench.send(submit(1))
    assert statuses(bench.run()) == {1: Status.OK}


def test_a_suspect_runs_alone_and_with_nothing_beside_it() -> None:
    bench = Bench(max_batch=4)
    bench.send(
        submit(1), submit(2, standing=Standing.SUSPECT), submit(3, standing=Standing.SUSPECT), submit(4)
    )
    bench.turn()
    assert [len(job.items) for job in bench.runner.held] == [1]
    assert statuses(bench.run()) == dict.fromkeys((1, 2, 3, 4), Status.OK)
    assert bench.backend.launched == [1, 1, 2]


def test_the_slots_of_a_batch_are_marked_right_before_it_runs() -> None:
    bench = Bench(max_batch=2, seconds=5.0)
    bench.send(*(submit(request) for request in range(1, 5)))
    bench.turn()
    assert not bench.marks.of(1, 7, 1).ran, "it only waits at the device"
    bench.runner.release()
    assert [bench.marks.of(slot, 7, slot).ran for slot in range(1, 5)] == [True, True, False, False]
    assert bench.marks.of(1, 7, 1) == Mark(ran=True, alone=False)
    assert not bench.marks.of(1, 8, 1).ran, "another incarnation did not run it"
    assert not bench.marks.of(1, 7, 5).ran, "another request lay there then"
