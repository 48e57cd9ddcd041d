"""A classifier without a network: its task, its description, and its answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Tuple

import numpy

from hotpath.codec import ImageSpec
from hotpath.core import ModelIdentity, Outcome
from hotpath.models.built import BuiltModel
from hotpath.tasks.classification.task import ImageClassification
from hotpath.tasks.ranking import Ranking, pack, unpack


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

    def read(self, file: str) -> bytes:
        return b"a\n"


def described(directory: Path, identity: ModelIdentity, side: int = 4, **steps: Any) -> DescribedModel:
    """A classifier of one class that takes images of so many pixels a side."""
    sizes = {"height": side, "width": side, "resize_shorter": side}
    document = {
        "labels": "labels.txt",
        "top_k": 1,
        "preprocessing": {**sizes, **steps},
        "probes": [],
        "tolerance": {},
    }
    return DescribedModel(directory, identity, "image-classification", "numeric", {}, document)
