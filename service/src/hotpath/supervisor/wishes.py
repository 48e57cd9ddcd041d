"""How an operator wants a new version to come in."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from hotpath.core import HotpathError


@dataclass(frozen=True)
class Wishes:
    """How a new version is to come in."""

    shadow: int = 0
    """Requests to compare with the live version before it answers any; 0 for none."""
    agreement: float = 0.98
    """The part of them on whose best class both must agree, 0 to 1."""
    canary: float = 0.0
    """The part of requests that it answers until it is promoted or aborted; 0 to switch at once."""
    timeout_s: float = 300.0
    """For loading and warming, and again for comparing."""


def read_wishes(document: Any) -> Wishes:
    """The wishes in a question from the control socket. Raises HotpathError for what is none."""
    known = {field.name for field in fields(Wishes)}
    if not isinstance(document, dict) or not document.keys() <= known:
        raise HotpathError(f"{document!r} says not how to swap.", f"Name some of {', '.join(sorted(known))}.")
    wishes = Wishes(**document)
    if type(wishes.shadow) is not int or wishes.shadow < 0:
        raise HotpathError(f"shadow = {wishes.shadow!r} is no number of requests.", "Give 0 or more.")
    part("agreement", wishes.agreement)
    part("canary", wishes.canary)
    if not _is_number(wishes.timeout_s) or not wishes.timeout_s > 0.0:
        raise HotpathError(f"timeout_s = {wishes.timeout_s!r} is no time.", "Give seconds above 0.")
    return wishes


def part(name: str, value: Any) -> float:
    """A part of a whole. Raises HotpathError for what is none."""
    if not _is_number(value) or not 0.0 <= value <= 1.0:
        raise HotpathError(f"{name} = {value!r} is no part of the requests.", "Give a number from 0 to 1.")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
