"""Whether an answer holds the objects that it should."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

from vectors import document

NEAR = 0.1
"""An object is clear when its score is so far above the threshold: what one server finds just above it,
another may find just below. Which is also how far scores may differ."""
SAME = 0.8
"""The least overlap of two boxes around one object."""
_CORNERS = ("xmin", "ymin", "xmax", "ymax")

Objects = Sequence[Dict[str, Any]]
"""Each with a label, a score and a box: left, top, right and bottom."""


def objects(answer: bytes) -> List[Dict[str, Any]]:
    """Of a complete HTTP answer, whichever server's. Raises ValueError or LookupError."""
    return [
        {**one, "box": [one["box"][corner] for corner in _CORNERS]} for one in document(answer)["objects"]
    ]


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """The area in both boxes divided by the area in either."""
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    both = width * height
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return both / (areas - both) if both else 0.0


def checked(answers: Sequence[Tuple[int, bytes]], expected: Dict[str, Any]) -> Dict[str, Any]:
    """How near answers are to what is expected of the requests of those numbers.

    An answer is wrong where a clear object of either is not among the other's: same label, scores that
    differ by at most NEAR, boxes that overlap by SAME. `expected` goes down to the threshold less NEAR.
    """
    wrong, overlaps, differences = 0, [], []
    clear = expected["threshold"] + NEAR
    for number, answer in answers:
        wanted, found = expected["objects"][number], objects(answer)
        pairs = [
            *_pairs([one for one in wanted if one["score"] >= clear], found),
            *_pairs([one for one in found if one["score"] >= clear], wanted),
        ]
        wrong += any(shared < SAME or difference > NEAR for shared, difference in pairs)
        overlaps += [shared for shared, _ in pairs]
        differences += [difference for _, difference in pairs]
    return {
        "checked": len(answers),
        "wrong": wrong,
        "lowest_overlap": round(min(overlaps, default=1.0), 4),
        "largest_difference": round(max(differences, default=0.0), 4),
    }


def _pairs(some: Objects, others: Objects) -> List[Tuple[float, float]]:
    """For each object the nearest of the others with its label: how far boxes overlap, and scores differ."""
    return [
        max(
            (
                (overlap(one["box"], other["box"]), abs(one["score"] - other["score"]))
                for other in others
                if other["label"] == one["label"]
            ),
            default=(0.0, 1.0),
        )
        for one in some
    ]
