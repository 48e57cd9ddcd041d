"""Whether two answers, as JSON has them, say the same as far as people mind."""

from __future__ import annotations

from typing import Any

_PART, _ROUNDING = 0.01, 0.005
"""By which numbers may differ: of the larger one, and at least."""


def alike(one: Any, other: Any) -> bool:
    """The same texts and shapes, and numbers that hardly differ."""
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(alike(one[k], other[k]) for k in one)
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(alike, one, other))
    if _is_number(one) and _is_number(other):
        return bool(abs(one - other) <= max(_ROUNDING, _PART * max(abs(one), abs(other))))
    return bool(one == other)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
