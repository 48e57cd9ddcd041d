"""A back end that only notes what it is given, and a runner that runs a batch when the test says so."""

from __future__ import annotations

from typing import List, Sequence

import numpy

from hotpath.core import EngineSpec
from hotpath.engine.runner import Job, Runner
from hotpath.models.built import BuiltModel
from hotpath.tasks.task import Item, Outputs, Pixels
from support.classifying import task_of

SHAPE = (2, 2, 3)
TASK = task_of(SHAPE)
POISON = 13
"""The image that the model can't bear."""


class Notebook:
    """Answers with the first byte of each image as its class."""

    depth = 1
    pads = packs = graphs = False
    precision = "float64"

    def __init__(self) -> None:
        self.launched: List[int] = []

    def load(self, model: BuiltModel, spec: EngineSpec) -> None:
        raise AssertionError("the loop loads nothing")

    def share(self, slots: Pixels) -> None:
        raise AssertionError("the loop shares nothing")

    def launch(self, items: Sequence[Item]) -> List[int]:
        self.launched.append(len(items))
        return [int(image.flat[0]) for (image,) in items]

    def finish(self, batch: List[int]) -> Outputs:
        if POISON in batch:
            raise RuntimeError("the model can't bear this")
        return numpy.ones((len(batch), 1)), numpy.array(batch)[:, None]


class HeldRunner(Runner):
    """Runs a batch when the test says so, not before."""

    def __init__(self, backend: Notebook, runs_anywhere: bool = False) -> None:
        super().__init__(backend, TASK, runs_anywhere)
        self.held: List[Job] = []

    def launch(self, job: Job) -> None:
        self.held.append(job)

    def release(self) -> None:
        job = self.held.pop(0)
        self.run(job)
        self._settle(job)
