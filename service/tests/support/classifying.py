"""A classifier without a network: its task, its description, and its answers."""

from __future__ import annotations

from pathlib import Path
from typing import Tuple

import numpy

from hotpath.codec import ImageSpec
from hotpath.core import Outcome
from hotpath.models.built import BuiltModel
from hotpath.tasks.classification.ranking import Ranking, pack, unpack
from hotpath.tasks.classification.task import ImageClassification
from hotpath.tasks.task import Task


def task_of(shape: Tuple[int, int, int], classes: int = 256) -> ImageClassification:
    """Whose images have this shape, and whose answers name one class."""
    height, width, _ = shape
    spec = ImageSpec(height, width, max(height, width))
    labels = [str(number) for number in range(classes)]
    return ImageClassification("classifier", labels, 1, spec, Path(), (), {})


def answer(number: int) -> bytes:
    """That an image is of this class, for certain."""
    return pack(numpy.ones((1, 1)), numpy.array([[number]]))[0]


def ranking(outcome: Outcome) -> Ranking:
    """What the engine found."""
    assert outcome.answer is not None
    return unpack(outcome.answer)


class DescribedModel(BuiltModel):
    """A model without files."""

    def task(self) -> Task:
        return task_of((1, 1, 3))
