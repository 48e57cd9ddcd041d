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

_MOST_MS = (1 << 63) - 1
"""The largest number that clients count in; what is more than the service takes is cut to that."""


@dataclass(frozen=True)
class Urgency:
    """What a request may take, in seconds, and its priority: from FIRST, the most urgent, to LAST."""

    seconds: float
    priority: int = NORMAL
    stated: bool = False
    """Whether the client itself asks for less time than the service would take."""

    def deadline(self, head: float, body: float) -> float:
        """When its time is over, if its head and its whole body were there at these times.

        A client counts from its head on. The service's own limit counts from the end of the body, or a long
        way would look like a slow service.
        """
        return (head if self.stated else body) + self.seconds

    def hurried(self, seconds: Optional[float], priority: Optional[int]) -> Urgency:
        """The same with what somebody asks for besides; more time than there is already is not to be had."""
        asked = priority or self.priority
        if seconds is None or seconds >= self.seconds:
            return Urgency(self.seconds, asked, self.stated)
        return Urgency(seconds, asked, stated=True)


def urgency_of(headers: Mapping[str, str], longest_s: float) -> Urgency:
    """What the headers ask for; `longest_s` is what any request may take. Raises Problem."""
    milliseconds = _whole(headers, DEADLINE_HEADER, 1, _MOST_MS, "invalid_deadline", "ms")
    priority = _whole(headers, PRIORITY_HEADER, FIRST, LAST, "invalid_priority", f"({FIRST}: first)")
    seconds = None if milliseconds is None else milliseconds / 1000
    return Urgency(longest_s).hurried(seconds, priority)


def _whole(
    headers: Mapping[str, str], name: str, least: int, most: int, code: str, unit: str
) -> Optional[int]:
    text = headers.get(name)
    if text is None:
        return None
    # No more digits than any bound has: int() takes other scripts' digits too, and long for very many.
    if re.fullmatch("[0-9]{1,19}", text) and least <= int(text) <= most:
        return int(text)
    raise Problem(
        400,
        code,
        f"The header {name} is {text[:64]!r}.",
        f"Set it to a whole number from {least} to {most} {unit}, or leave it out.",
    )
