"""The table of the warm-up on a machine that others keep busy."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any, Iterator, Sequence

import numpy
import pytest

from hotpath.core import EngineSpec
from hotpath.engine.undisturbed import by_the_clock, undisturbed
from hotpath.engine.warmup import warm
from hotpath.models.built import BuiltModel
from hotpath.tasks.task import Item, Outputs, Pixels

COMPUTED_S, SLEPT_S = 0.02, 0.01
BUSY = "import os\nos.sched_setaffinity(0, {%d})\nprint(flush=True)\nwhile True: pass"


class Computing:
    """A back end whose batches compute for so long, and then wait for something else."""

    depth = 1
    pads = packs = graphs = False
    precision = "float32"

    def load(self, model: BuiltModel, spec: EngineSpec) -> None:
        raise AssertionError("it is loaded")

    def share(self, slots: Pixels) -> None:
        raise AssertionError("it is shared")

    def launch(self, items: Sequence[Item]) -> Any:
        end = time.thread_time() + COMPUTED_S
        while time.thread_time() < end:
            pass

    def finish(self, batch: Any) -> Outputs:
        time.sleep(SLEPT_S)
        return ()


@pytest.fixture
def crowd() -> Iterator[None]:
    """Three others want the CPU that this thread is on."""
    everywhere = os.sched_getaffinity(0)
    cpu = min(everywhere)
    others = [subprocess.Popen([sys.executable, "-c", BUSY % cpu], stdout=subprocess.PIPE) for _ in range(3)]
    try:
        for other in others:
            assert other.stdout is not None and other.stdout.readline()
        os.sched_setaffinity(0, {cpu})
        yield
    finally:
        os.sched_setaffinity(0, everywhere)
        for other in others:
            other.kill()
            other.communicate()


def example(units: int) -> Item:
    return (numpy.zeros(units, numpy.int32),)


def test_what_others_take_of_the_cpu_is_not_in_the_table(crowd: None) -> None:
    seconds = warm(Computing(), example, (1,), 1, undisturbed)[1][1]
    assert COMPUTED_S + 0.9 * SLEPT_S <= seconds <= 1.3 * (COMPUTED_S + SLEPT_S)
    assert warm(Computing(), example, (1,), 1, by_the_clock)[1][1] > 1.5 * (COMPUTED_S + SLEPT_S)
