"""How an image classifier's report tells of precisions."""

from __future__ import annotations

from typing import Any, List, Mapping

from hotpath.tasks.trials import Column, Telling


def _about(report: Mapping[str, Any], tolerance: Mapping[str, float]) -> List[str]:
    right, views = report["verdicts"]["eager_right"], report["verdicts"]["views"]
    return [
        f"The eager model is right about {right} of {views} views, which are the probes in the sizes and "
        "qualities in which clients send them.",
        "A reduced precision must be right about these too, and give "
        f"{tolerance['top1']:.1%} of the decided pictures (views and crops) the same best class; "
        f"probabilities may differ by {tolerance['mean']:g} on average and {tolerance['largest']:g} at most.",
        "Held out: calibrated without the photograph in question.",
    ]


TELLING = Telling(
    "an image",
    _about,
    (
        Column("views lost", lambda found: str(found["verdicts_lost"])),
        Column("same best class", lambda found: f"{found['same_top1']:.1%} of {found['pictures']}"),
        Column("of decided", lambda found: f"{found['decided_same_top1']:.1%} of {found['decided']}"),
        Column("mean diff.", lambda found: f"{found['mean_difference']:.2g}"),
        Column("max diff.", lambda found: f"{found['largest_difference']:.2g}"),
    ),
)
