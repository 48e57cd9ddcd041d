"""How the report of a model of texts tells of precisions."""

from __future__ import annotations

from typing import Any, List, Mapping

from hotpath.tasks.trials import Column, Telling


def _about(report: Mapping[str, Any], tolerance: Mapping[str, float]) -> List[str]:
    return [
        "Compared on the probes, their halves and several of them behind one another. The back end "
        "torchscript runs the model in float32; bfloat16 must be faster, and agree about the texts that the "
        "eager model has decided about.",
    ]


TELLING = Telling(
    "a text",
    _about,
    (
        Column("texts", lambda found: str(found["texts"])),
        Column("decided", lambda found: str(found["decided"])),
        Column(
            "max diff.",
            lambda found: f"{found['largest_difference']:.2g}" if "largest_difference" in found else "",
        ),
    ),
)
