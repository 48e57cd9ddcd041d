"""From candidates to objects: what is sure enough, and of each object one box."""

from __future__ import annotations

from typing import Any, Optional, Sequence

import numpy
from numpy.typing import NDArray

from hotpath.tasks.detection.candidates import Candidates


def overlaps(boxes: NDArray[Any], others: NDArray[Any]) -> NDArray[numpy.float64]:
    """(n, m): of each two boxes the area in both, divided by the area in either; 0 for those without area."""
    first, second = boxes.astype(numpy.float64), others.astype(numpy.float64)
    near = numpy.maximum(first[:, None, :2], second[None, :, :2])
    far = numpy.minimum(first[:, None, 2:], second[None, :, 2:])
    both = numpy.prod(numpy.clip(far - near, 0, None), axis=2)
    either = _areas(first)[:, None] + _areas(second)[None, :] - both
    found: NDArray[numpy.float64] = numpy.divide(both, either, out=numpy.zeros_like(both), where=either > 0)
    return found


def select(
    found: Candidates, threshold: float, iou: float, classes: Optional[Sequence[int]] = None
) -> Candidates:
    """Those with the threshold's score at least, of these classes, without lesser ones of the same object.

    A candidate is of the same object as a better one of its class that it overlaps by more than `iou`
    (greedy non-maximum suppression). Boxes without area are nothing.
    """
    wanted = (found.scores >= threshold) & (_areas(found.boxes) > 0)
    if classes is not None:
        wanted &= numpy.isin(found.classes, classes)
    sure = found.at(wanted)
    sure = sure.at(numpy.argsort(-sure.scores, kind="stable"))
    same = (overlaps(sure.boxes, sure.boxes) > iou) & (sure.classes[:, None] == sure.classes[None, :])
    alive = numpy.ones(len(sure.scores), dtype=bool)
    for place in range(len(alive)):
        if alive[place]:
            alive[place + 1 :] &= ~same[place, place + 1 :]
    return sure.at(alive)


def _areas(boxes: NDArray[Any]) -> NDArray[Any]:
    sides = numpy.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    found: NDArray[Any] = sides[:, 0] * sides[:, 1]
    return found
