"""An engine whose items vary in length, step by step."""

from __future__ import annotations

from typing import List

import pytest
from support.held import POISON
from support.looped import Bench, results, submit

from hotpath.core import TensorSpec
from hotpath.engine.runner import Job
from hotpath.ipc.messages import Status
from hotpath.scheduler.costs import Costs

INPUTS = (TensorSpec("ids", "int32", (64,), varies=True),)
TABLE = {16: {1: 1.0, 2: 1.1, 4: 1.2}, 64: {1: 10.0, 2: 20.0, 4: 40.0}}


def bench_of(packs: bool = False) -> Bench:
    return Bench(inputs=INPUTS, costs=Costs(TABLE, packs=packs))


def held(bench: Bench) -> List[List[int]]:
    """Of each batch that is at the device: how long its items are."""
    return [[len(item) for (item,) in job.items] for job in bench.runner.held]


def units(bench: Bench) -> List[float]:
    return [bench.row.get("hotpath_batch_units", (kind,)) for kind in ("real", "padded")]


def test_the_back_end_sees_items_as_long_as_they_are() -> None:
    bench = bench_of()
    bench.send(submit(1, units=5))
    bench.turn()
    assert held(bench) == [[5]]


def test_short_items_do_not_wait_beside_a_long_one_that_came_between_them() -> None:
    bench = bench_of()
    bench.send(*(submit(number, units=length) for number, length in enumerate([16, 40, 9, 16])))
    bench.turn()
    assert held(bench)[0] == [16, 9, 16]
    assert [answer.request for answer in results(bench.run())] == [0, 2, 3, 1]


def test_where_rows_are_packed_they_go_as_they_came() -> None:
    bench = bench_of(packs=True)
    bench.send(*(submit(number, units=length) for number, length in enumerate([16, 40, 9, 16])))
    bench.run()
    assert bench.backend.launched == [4]
    assert units(bench) == [81.0, 0.0]


def test_units_of_items_and_those_that_they_are_filled_up_with_are_counted() -> None:
    bench = bench_of()
    bench.send(submit(1, units=10), submit(2, units=16), submit(3, units=40))
    bench.run()
    assert units(bench) == [66.0, (16 - 10) + (64 - 40)]


def test_items_without_a_length_are_a_unit_each() -> None:
    bench = Bench()
    bench.send(submit(1), submit(2))
    bench.run()
    assert units(bench) == [2.0, 0.0]


@pytest.mark.parametrize(("length", "is_slower"), [(64, False), (16, True)])
def test_a_batch_teaches_the_pace_by_its_own_row_of_the_table(
    length: int, is_slower: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = bench_of()

    def take_ten_seconds(job: Job) -> None:
        job.started, job.ended, job.answers = 100.0, 110.0, [b"done"]

    monkeypatch.setattr(bench.runner, "run", take_ten_seconds)
    bench.send(submit(1, units=length))
    bench.run()
    assert (bench.row.get("hotpath_engine_pace_ratio") > 1.0) is is_slower


def test_one_that_can_not_be_in_time_at_its_length_is_refused_at_once() -> None:
    bench = bench_of()
    bench.send(submit(1, units=64, seconds=5.0), submit(2, units=16, seconds=5.0))
    assert {answer.request: answer.outcome.status for answer in results(bench.run())} == {
        1: Status.LATE,
        2: Status.OK,
    }


def test_a_failing_batch_of_several_lengths_is_halved() -> None:
    bench = Bench(inputs=INPUTS, costs=Costs({16: {1: 0.1, 4: 0.1}, 64: {1: 0.1, 4: 0.1}}))
    bench.send(*(submit(number, units=length) for number, length in ((1, 16), (2, 64), (POISON, 9))))
    statuses = {answer.request: answer.outcome.status for answer in results(bench.run())}
    assert statuses == {1: Status.OK, 2: Status.OK, POISON: Status.FAILED}
    assert bench.backend.launched[0] == 3
