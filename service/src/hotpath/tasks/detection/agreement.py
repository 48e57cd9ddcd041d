"""Whether two forms, or two versions, of a model find the same objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, Mapping, Sequence, Tuple

import numpy

from hotpath.tasks.detection.candidates import Candidates
from hotpath.tasks.detection.selection import overlaps, select

CLEAR = 0.1
"""An object is clear when its score is so far above the threshold. What one form finds just above it, another
may find just below, and both are right."""
_SAME_OBJECT = 0.5
"""The least overlap of two boxes around one object."""
_EXACT_OVERLAP = 0.99
"""On average, of forms that compute in float32."""


@dataclass(frozen=True)
class Agreement:
    """What a comparison found."""

    objects: int
    """Clear ones, counted in each of both."""
    matched: int
    """Those that the other found too: same class, boxes that overlap by half, and at most as much below the
    threshold as clear ones are above."""
    mean_overlap: float
    """Of the matched ones' boxes; 1 where there is none."""
    largest_difference: float
    """Of their scores."""

    @property
    def share(self) -> float:
        """Of the clear objects that are matched; 1 where there is none."""
        return self.matched / self.objects if self.objects else 1.0

    def document(self) -> Dict[str, Any]:
        """For JSON."""
        return {
            "objects": self.objects,
            "matched": self.matched,
            "mean_overlap": round(self.mean_overlap, 6),
            "largest_difference": round(self.largest_difference, 9),
        }


def compare(
    wanted: Sequence[Candidates], found: Sequence[Candidates], threshold: float, iou: float
) -> Agreement:
    """Compare two models' candidates for the same pictures, with boxes in the same pixels."""
    pairs = [
        pair
        for one, other in zip(wanted, found)
        for first, second in ((one, other), (other, one))
        for pair in _pairs(first, second, threshold, iou)
    ]
    matched = [pair for pair in pairs if pair[0] >= _SAME_OBJECT]
    return Agreement(
        len(pairs),
        len(matched),
        float(numpy.mean([overlap for overlap, _ in matched])) if matched else 1.0,
        max((difference for _, difference in matched), default=0.0),
    )


def _pairs(one: Candidates, other: Candidates, threshold: float, iou: float) -> Iterator[Tuple[float, float]]:
    """For each clear object of the first, the second's nearest: how far they overlap, and scores differ."""
    clear = select(one, threshold + CLEAR, iou)
    near = select(other, threshold - CLEAR, iou)
    same = clear.classes[:, None] == near.classes[None, :]
    overlap = numpy.where(same, overlaps(clear.boxes, near.boxes), 0.0)
    for place, score in enumerate(clear.scores):
        if not overlap.shape[1]:
            yield 0.0, 0.0
            continue
        best = int(overlap[place].argmax())
        yield float(overlap[place, best]), abs(float(score) - float(near.scores[best]))


def refusal(found: Agreement, tolerance: Mapping[str, float], exact: bool) -> str:
    """Why a form of the model may not serve; empty where it may. `exact` says that it computes in float32."""
    share, overlap, difference = (
        (1.0, _EXACT_OVERLAP, tolerance["absolute"])
        if exact
        else (tolerance["matched"], tolerance["overlap"], tolerance["largest"])
    )
    if not found.objects:
        return "the model finds nothing for sure on any picture, so nothing can be compared"
    if found.share < share:
        return f"of {found.objects} clear objects {found.matched} are found by both, less than {share:.1%}"
    if not found.mean_overlap >= overlap:  # which NaN is not either
        return f"the boxes of objects overlap by {found.mean_overlap:.3f} on average, less than {overlap:g}"
    if not found.largest_difference <= difference:
        return f"a score differs by {found.largest_difference:.2g}, over {difference:g}"
    return ""
