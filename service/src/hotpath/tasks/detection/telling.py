"""How an object detector's report tells of precisions."""

from __future__ import annotations

from typing import Any, List, Mapping

from hotpath.tasks.detection.agreement import CLEAR
from hotpath.tasks.trials import Column, Telling


def _about(report: Mapping[str, Any], tolerance: Mapping[str, float]) -> List[str]:
    return [
        "Compared on the probes in the sizes and qualities in which clients send them, and on crops.",
        f"A reduced precision must find {tolerance['matched']:.1%} of the clear objects, whose scores are at "
        f"least {CLEAR:g} above the threshold, in boxes that overlap by {tolerance['overlap']:g} on average; "
        f"scores may differ by {tolerance['largest']:g} at most.",
    ]


TELLING = Telling(
    "a picture",
    _about,
    (
        Column("clear objects matched", lambda found: f"{found['matched']} of {found['objects']}"),
        Column("mean overlap", lambda found: f"{found['mean_overlap']:.4f}"),
        Column("max diff.", lambda found: f"{found['largest_difference']:.2g}"),
    ),
)
