"""Whether an answer names what a probe shows; without numpy, which the warm-up has not."""

from __future__ import annotations

from typing import Any, Mapping, Sequence, Tuple

_RIGHT = 0.5
"""The least overlap with the box that is right."""
_CORNERS = ("xmin", "ymin", "xmax", "ymax")

Things = Sequence[Mapping[str, Any]]


def verdict(answer: Mapping[str, Any], things: Things) -> Tuple[str, str]:
    """What the answer of /predict says, in a few words; and why that is wrong, or nothing."""
    found = answer["objects"]
    said = ", ".join(f"{one['label']} {one['score']:.3f}" for one in found) or "nothing"
    for thing in things:
        boxes = [
            [one["box"][corner] for corner in _CORNERS] for one in found if one["label"] == thing["label"]
        ]
        if not boxes:
            return said, f"finds {said}; right would be: {thing['label']}"
        if max(_overlap(box, thing["box"]) for box in boxes) < _RIGHT:
            return said, f"finds {thing['label']} in {boxes[0]}; right would be: {list(thing['box'])}"
    return said, ""


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    both = width * height
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return both / (sum(areas) - both)
