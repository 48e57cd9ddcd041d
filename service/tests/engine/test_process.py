"""What an engine does before it serves: which device it opens, and what it checks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, List, Sequence

import numpy
import pytest

from hotpath.core import EngineSpec, Refusal
from hotpath.engine import process
from hotpath.engine.checking import verify
from hotpath.engine.numeric import NumericBackend
from hotpath.engine.visible import VARIABLE
from hotpath.ipc.arena import Arena, SlotClasses
from hotpath.ipc.marks import Marks
from hotpath.metrics.table import Table
from hotpath.models.built import load
from hotpath.tasks import known
from hotpath.tasks.task import Item, Outputs


class WrongAt(NumericBackend):
    """As one that has a form for each batch size, of which one is wrong."""

    def __init__(self, wrong: int) -> None:
        self.wrong = wrong
        self.sizes: List[int] = []

    def launch(self, items: Sequence[Item]) -> Any:
        self.sizes.append(len(items))
        return super().launch([(255 - image if len(items) == self.wrong else image,) for (image,) in items])


def spec_of(model: Path, device: str = "cpu") -> EngineSpec:
    return EngineSpec(0, "colours", model, device, "numeric", 1, 8, ())


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_every_batch_size_is_compared_before_an_engine_serves(fast_model: Path, size: int) -> None:
    model, backend = load(fast_model), WrongAt(size)
    backend.load(model, spec_of(fast_model))
    with pytest.raises(Refusal, match=rf"other class.* That was in batches of {size}\."):
        verify(backend, "numeric", model, known.task(model), (1, 2, 4, 8))


def test_an_engine_that_is_right_in_every_size_may_serve(fast_model: Path) -> None:
    model, backend = load(fast_model), WrongAt(0)
    backend.load(model, spec_of(fast_model))
    assert verify(backend, "numeric", model, known.task(model), (1, 2, 4, 8)) < 1e-6
    assert set(backend.sizes) == {1, 2, 4, 8}


class Opened(Exception):
    """As far as the test goes."""


class Opening:
    """A back end that tells what it is to open, and in which environment."""

    def load(self, _: object, spec: EngineSpec) -> None:
        raise Opened(spec.device, os.environ.get(VARIABLE))


@pytest.mark.parametrize(
    ("device", "opened"), [("cuda:1", ("cuda:0", "1")), ("cuda:0", ("cuda:0", "0")), ("cpu", ("cpu", None))]
)
def test_a_back_end_sees_one_gpu_alone_and_the_rest_of_the_engine_its_name(
    fast_model: Path, monkeypatch: pytest.MonkeyPatch, device: str, opened: Any
) -> None:
    monkeypatch.setenv(VARIABLE, "")  # so that it is as it was at the end
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr(process, "keep_freed_memory", lambda: None)
    monkeypatch.setattr(process, "create", lambda _: Opening())
    row = Table(1, ["0/cuda:1"], 8).engines[0]
    with pytest.raises(Opened) as found:
        process.run(
            spec_of(fast_model, device), 1, [], Arena(SlotClasses(1, (1,))), Marks(1), row, [], lambda: None
        )
    assert found.value.args == opened


def test_the_largest_difference_of_all_sizes_is_told(fast_model: Path) -> None:
    model = load(fast_model)

    class Off(NumericBackend):
        def finish(self, batch: Any) -> Outputs:
            scores, classes = super().finish(batch)
            scores[:, 0] -= 1e-7 * len(batch)
            return scores, classes

    backend = Off()
    backend.load(model, spec_of(fast_model))
    assert verify(backend, "numeric", model, known.task(model), (1, 8)) == pytest.approx(8e-7, rel=0.1)
    assert numpy.isfinite(verify(backend, "numeric", model, known.task(model), (1,)))
