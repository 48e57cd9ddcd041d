"""A detector without a network: its task, its description, and its answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Sequence, Tuple

import numpy

from hotpath.core import ModelIdentity
from hotpath.models.built import BuiltModel
from hotpath.tasks.detection.candidates import Candidates
from hotpath.tasks.detection.task import ObjectDetection

LABELS = ("cat", "dog", "potted plant")
SIDE = 64
MOST = 20

Row = Tuple[Sequence[float], float, int]
"""A box, its score and its class."""


class DescribedModel(BuiltModel):
    """A model whose only files are its labels."""

    def read(self, file: str) -> bytes:
        return "".join(f"{label}\n" for label in self.document["names"]).encode()


def described(names: Sequence[str] = LABELS, **steps: Any) -> DescribedModel:
    """A detector of pictures of 64 x 64 pixels, stretched where nothing else is said."""
    preprocessing: Dict[str, Any] = {
        "height": SIDE,
        "width": SIDE,
        "fit": "stretch",
        "padding": (0, 0, 0),
        "interpolation": "bilinear",
        "channel_order": "rgb",
        "mean": [0.0, 0.0, 0.0],
        "std": [1.0, 1.0, 1.0],
    }
    document = {
        "names": names,
        "labels": "labels.txt",
        "layout": "",
        "preprocessing": {**preprocessing, **steps},
        "finding": {"threshold": 0.4, "iou": 0.5, "candidates": MOST},
        "tolerance": {"absolute": 1e-3, "matched": 0.98, "overlap": 0.9, "largest": 0.1},
        "probes": [],
    }
    return DescribedModel(Path(), ModelIdentity("d", "1"), "object-detection", "nanodet_g", {}, document)


def outputs_of(*pictures: Sequence[Row]) -> Tuple[Any, Any, Any]:
    """What a network gives that finds these, and nothing at all in its other candidates."""
    boxes = numpy.zeros((len(pictures), MOST, 4), numpy.float32)
    scores = numpy.zeros((len(pictures), MOST), numpy.float32)
    classes = numpy.zeros((len(pictures), MOST), numpy.int64)
    for place, rows in enumerate(pictures):
        for rank, (box, score, number) in enumerate(rows):
            boxes[place, rank], scores[place, rank], classes[place, rank] = box, score, number
    return boxes, scores, classes


def answer_of(task: ObjectDetection, *rows: Row) -> bytes:
    """The answer about one picture."""
    return task.pack(outputs_of(rows))[0]


def candidates(*rows: Row) -> Candidates:
    """These, as they are."""
    return Candidates(
        numpy.array([box for box, _, _ in rows], numpy.float32).reshape(-1, 4),
        numpy.array([score for _, score, _ in rows], numpy.float32),
        numpy.array([number for _, _, number in rows], numpy.int64),
    )
