"""How many cases a fuzz test runs, and how many were run in all."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any, Callable

from hypothesis import HealthCheck, Phase, settings

SCALE = float(os.environ.get("HOTPATH_FUZZ_SCALE", "1"))
"""1 in `make test`: few cases, always the same ones. `make fuzz` takes many times as many, new each time."""

CASES: Counter[str] = Counter()
"""Cases that were really run, by target."""


def fuzz(cases: int) -> Callable[[Any], Any]:
    """Settings of a fuzz test that runs `cases` cases in `make test`."""
    every_time_the_same = SCALE == 1
    return settings(
        max_examples=max(1, int(cases * SCALE)),
        deadline=None,
        derandomize=every_time_the_same,
        database=None,  # findings become tests of their own
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


def case(target: str) -> None:
    """Count a case of a target."""
    CASES[target] += 1
