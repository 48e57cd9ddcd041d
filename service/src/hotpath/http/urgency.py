"""How soon a client wants its answer: two request headers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Mapping, Optional

from hotpath.http.errors import Problem
from hotpath.scheduler.entries import FIRST, LAST, NORMAL

DEADLINE_HEADER = "X-Request-Deadline-Ms"
"""Whole milliseconds from the arrival of the request's head to its answer."""

PRIORITY_HEADER = "X-Request-Priority"


@dataclass(frozen=True)
class Urgency:
    """What a request may take, in seconds, and its priority: from FIRST, the most urgent, to LAST."""

    seconds: float
    priority: int = NORMAL


def urgency_of(headers: Mapping[str, str], longest_s: float) -> Urgency:
    """What the headers ask for; `longest_s` is what any request may take. Raises Problem."""
    milliseconds = _whole(
        headers, DEADLINE_HEADER, 1, max(1, int(longest_s * 1000)), "invalid_deadline", "ms"
    )
    priority = _whole(headers, PRIORITY_HEADER, FIRST, LAST, "invalid_priority", f"({FIRST}: first)")
    return Urgency(
        longest_s if milliseconds is None else milliseconds / 1000, NORMAL if priority is None else priority
    )


def _whole(
    headers: Mapping[str, str], name: str, least: int, most: int, code: str, unit: str
) -> Optional[int]:
    text = headers.get(name)
    if text is None:
        return None
    # No more digits than any bound has: int() takes other scripts' digits too, and long for very many.
    if re.fullmatch("[0-9]{1,12}", text) and least <= int(text) <= most:
        return int(text)
    raise Problem(
        400,
        code,
        f"The header {name} is {text[:64]!r}.",
        f"Set it to a whole number from {least} to {most} {unit}, or leave it out.",
    )
