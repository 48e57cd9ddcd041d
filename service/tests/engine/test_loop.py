"""The engine's loop, step by step, with a back end that only notes what it is given."""

from __future__ import annotations

import time
from typing import List, Sequence

import numpy

from hotpath.core import EngineSpec, Ranking
from hotpath.engine.backend import Pixels
from hotpath.engine.loop import EngineLoop
from hotpath.ipc.arena import Arena
from hotpath.ipc.channel import Channel, link
from hotpath.ipc.messages import Attach, Cancel, Hello, Message, Result, Status, Submit
from hotpath.metrics.table import Table
from hotpath.models.built import BuiltModel

SHAPE = (2, 2, 3)


class Notebook:
    """Answers with the first byte of each image as its class."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.launched: List[int] = []

    def load(self, model: BuiltModel, spec: EngineSpec) -> None:
        raise AssertionError("the loop loads nothing")

    def launch(self, inputs: Sequence[Pixels]) -> List[int]:
        self.launched.append(len(inputs))
        return [int(image.flat[0]) for image in inputs]

    def finish(self, batch: List[int]) -> List[Ranking]:
        return [Ranking((number,), (1.0,)) for number in batch]


class Bench:
    """One engine loop (incarnation 7) and the workers' ends of its links."""

    def __init__(self, depth: int = 1, max_batch: int = 4, workers: int = 1) -> None:
        links = [link() for _ in range(workers)]
        self.workers = [Channel(near) for near, _ in links]
        self.backend = Notebook(depth)
        self.arena = Arena(8, 12)
        for slot in range(8):
            self.arena.view(slot, SHAPE)[:] = numpy.uint8(slot)
        self.table = Table(workers, ["0/cpu"], max_batch)
        engine_ends = [Channel(far) for _, far in links]
        row = self.table.engines[0]
        self.loop = EngineLoop(7, self.backend, engine_ends, self.arena, SHAPE, max_batch, row)

    def send(self, *messages: Message, worker: int = 0) -> None:
        for message in messages:
            self.workers[worker].send(message)

    def turn(self, times: int = 1) -> List[Message]:
        for _ in range(times):
            self.loop.poll(0.0)
            self.loop.step()
        return list(self.workers[0].receive())


def submit(request: int, worker: int = 1, engine: int = 7, seconds: float = 60.0) -> Submit:
    now = time.monotonic()
    return Submit(worker, engine, request, request, now, now + seconds)


def results(messages: List[Message]) -> List[Result]:
    return [message for message in messages if isinstance(message, Result)]


def test_attaching_is_answered_with_the_engines_incarnation() -> None:
    bench = Bench()
    bench.send(Attach(1))
    assert bench.turn() == [Hello(7)]


def test_a_lone_request_runs_in_the_first_turn() -> None:
    bench = Bench()
    bench.send(submit(3))
    (answer,) = results(bench.turn())
    assert (answer.request, answer.outcome.batch_size) == (3, 1)
    assert answer.outcome.ranking == Ranking((3,), (1.0,))


def test_what_waits_together_runs_together_up_to_the_largest_batch() -> None:
    bench = Bench(max_batch=4)
    bench.send(*(submit(request) for request in range(6)))
    answers = results(bench.turn(2))
    assert bench.backend.launched == [4, 2]
    assert sorted(answer.request for answer in answers) == list(range(6))
    assert all(a.outcome.ranking == Ranking((a.request,), (1.0,)) for a in answers)


def test_a_device_that_overlaps_gets_its_second_batch_before_the_first_is_finished() -> None:
    bench = Bench(depth=2, max_batch=2)
    bench.send(*(submit(request) for request in range(4)))
    assert results(bench.turn(1)) == [] and bench.backend.launched == [2]
    assert len(results(bench.turn(1))) == 2 and bench.backend.launched == [2, 2]
    assert len(results(bench.turn(1))) == 2


def test_the_expired_are_answered_and_never_run() -> None:
    bench = Bench()
    bench.send(submit(1, seconds=-1.0))
    (answer,) = results(bench.turn(2))
    assert answer.outcome.status == Status.EXPIRED
    assert bench.backend.launched == []


def test_a_cancelled_request_is_confirmed_and_never_runs() -> None:
    bench = Bench()
    bench.send(submit(1), submit(2), Cancel(1, 7, 1))
    answers = {answer.request: answer.outcome.status for answer in results(bench.turn())}
    assert answers == {1: Status.CANCELLED, 2: Status.OK}
    assert bench.backend.launched == [1]


def test_messages_for_the_predecessor_are_dropped() -> None:
    bench = Bench()
    bench.send(submit(1, engine=6), submit(2, engine=7))
    assert [answer.request for answer in results(bench.turn())] == [2]


def test_what_a_dead_worker_had_queued_is_dropped_when_its_successor_attaches() -> None:
    bench = Bench(workers=2)
    bench.send(submit(1), Attach(2), submit(2, worker=2))
    bench.send(submit(3), worker=1)
    assert [answer.request for answer in results(bench.turn())] == [2]
    assert bench.backend.launched == [2], "the other worker's request is not the dead one's"
