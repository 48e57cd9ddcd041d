"""Batches run beside the loop, in order, and a broken device is not blamed on a request."""

from __future__ import annotations

import math
import selectors
import threading
import time
from typing import List, Sequence, Tuple

import numpy
import pytest
from support.classifying import task_of

from hotpath.core import EngineSpec
from hotpath.engine.runner import Job, Runner
from hotpath.models.built import BuiltModel
from hotpath.tasks.task import Item, Outputs, Pixels

PROBE = (numpy.zeros((1, 1, 3), numpy.uint8),)
TASK = task_of((1, 1, 3))


class Gate:
    """A back end whose batches end when the test lets them, and whose device may break."""

    pads = packs = graphs = False
    precision = "float64"

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.launched: List[int] = []
        self.gate = threading.Semaphore(0)
        self.broken = False
        self.scores: List[Tuple[float, ...]] = []
        """Of the last image of each batch to come; those of all other images are sound."""

    def share(self, slots: Pixels) -> None:
        raise AssertionError("the loop shares nothing")

    def load(self, model: BuiltModel, spec: EngineSpec) -> None:
        raise AssertionError("the runner loads nothing")

    def launch(self, items: Sequence[Item]) -> int:
        if self.broken:
            raise RuntimeError("device lost")
        self.launched.append(len(items))
        return len(items)

    def finish(self, batch: int) -> Outputs:
        self.gate.acquire()
        last = self.scores.pop(0) if self.scores else (1.0,)
        scores = numpy.ones((batch, len(last)))
        scores[-1] = last
        return scores, numpy.full_like(scores, batch, dtype=numpy.int64)


def collect(runner: Runner, count: int) -> List[Job]:
    done: List[Job] = []
    with selectors.DefaultSelector() as selector:
        selector.register(runner, selectors.EVENT_READ)
        while len(done) < count:
            assert selector.select(60.0), "waited in vain"
            done += runner.collect()
    return done


@pytest.mark.parametrize("depth", [1, 2])
def test_batches_overlap_as_far_as_the_back_end_can_and_end_in_order(depth: int) -> None:
    backend = Gate(depth)
    runner = Runner(backend, TASK)
    marks: List[int] = []
    jobs = [Job([PROBE] * size, lambda size=size: marks.append(size)) for size in (3, 1, 2)]  # type: ignore[misc]
    for job in jobs:
        runner.launch(job)
    threading.Thread(target=runner.work, daemon=True).start()
    backend.gate.release()
    assert collect(runner, 1) == jobs[:1]
    assert runner.collect() == []
    for _ in jobs[1:]:
        backend.gate.release()
    assert collect(runner, 2) == jobs[1:]
    assert backend.launched == marks == [3, 1, 2]
    assert [len(job.answers or ()) for job in jobs] == [3, 1, 2]
    assert all(0.0 < job.started <= job.ended for job in jobs)


class Busy(Gate):
    """One batch after another, each for `SECONDS` of the device, whenever they were launched."""

    SECONDS = 0.02

    def __init__(self) -> None:
        super().__init__(2)
        self.free = 0.0
        self.begun: List[float] = []

    def launch(self, items: Sequence[Item]) -> int:
        self.begun.append(max(self.free, time.monotonic()))
        self.free = self.begun[-1] + self.SECONDS
        return super().launch(items)

    def finish(self, batch: int) -> Outputs:
        end = self.begun[self.finished] + self.SECONDS
        self.finished += 1
        time.sleep(max(0.0, end - time.monotonic()))
        return numpy.ones((batch, 1)), numpy.full((batch, 1), batch)

    finished = 0


def test_the_wait_for_the_batch_before_is_not_counted_as_time_on_the_device() -> None:
    runner = Runner(Busy(), TASK)
    jobs = [Job([PROBE], lambda: None) for _ in range(6)]
    for job in jobs:
        runner.launch(job)
    threading.Thread(target=runner.work, daemon=True).start()
    done = collect(runner, len(jobs))
    assert all(job.started >= before.ended for before, job in zip(done, done[1:]))
    assert all(job.started <= job.ended for job in done)


def test_a_device_that_fails_on_the_probe_too_ends_the_engine() -> None:
    backend = Gate(1)
    runner = Runner(backend, TASK)
    backend.broken = True
    job = Job([PROBE], lambda: None)
    runner.launch(job)
    with pytest.raises(RuntimeError, match="device lost"):
        runner.work()
    assert runner.collect() == [], "the request is not answered, but handed in again by its worker"


NUMBERLESS = [(math.nan,), (0.5, math.nan), (math.inf, 0.0), (math.inf, -math.inf)]


@pytest.mark.parametrize("scores", NUMBERLESS)
def test_a_batch_with_a_score_that_is_no_number_has_failed(scores: Tuple[float, ...]) -> None:
    backend = Gate(1)
    runner = Runner(backend, TASK)
    for size in (3, 1):
        backend.scores = [scores]
        backend.gate = threading.Semaphore(2)
        job = Job([PROBE] * size, lambda: None)
        runner.run(job)
        assert job.answers is None
    assert backend.launched == [3, 1, 1], "alone, the probe shows that it is the image and not the device"


def test_a_device_without_a_number_for_the_probe_ends_the_engine() -> None:
    backend = Gate(1)
    backend.scores = [(math.nan,), (math.nan,)]
    backend.gate = threading.Semaphore(2)
    with pytest.raises(ValueError, match="overflowed"):
        Runner(backend, TASK).run(Job([PROBE], lambda: None))
