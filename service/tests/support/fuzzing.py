"""How many cases a fuzz test runs, and how many were run in all."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import Any, Callable, Optional

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from hotpath.core import InputError
from hotpath.http.errors import Problem

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


def judged(work: Callable[[], Any]) -> Optional[Any]:
    """What the work gives; None where it refused, in words that an answer can hold."""
    try:
        return work()
    except (InputError, Problem) as error:
        assert error.status in (400, 413) and error.code and error.message and error.remedy
        problem = Problem(error.status, error.code, error.message, error.remedy)
        for path in ("/predict", "/v1/embeddings", "/v2/models/m/infer"):
            json.loads(bytes(problem.response(path, "id").body).decode("utf-8"))
        return None


def mutated(seed: bytes, draw: Any, most: int = 6) -> bytes:
    """A few bytes changed, and perhaps a piece cut out or doubled."""
    body = bytearray(seed)
    for _ in range(draw(st.integers(0, most))):
        if body:
            body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    start = draw(st.integers(0, len(body)))
    end = draw(st.integers(start, min(len(body), start + 40)))
    how = draw(st.sampled_from(["keep", "keep", "cut", "double", "end"]))
    if how == "cut":
        del body[start:end]
    elif how == "double":
        body[start:start] = body[start:end]
    elif how == "end":
        del body[start:]
    return bytes(body)
