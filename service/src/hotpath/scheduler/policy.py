"""What an engine does next: one pure function.

No timer holds a batch back. While the device works, requests queue up; the moment it is free, the most urgent
ones go together. So a lone request never waits for others, and batches grow by themselves under load.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence, Tuple, Union


@dataclass(frozen=True)
class Entry:
    """A queued request. Times are seconds of one monotonic clock."""

    key: int
    arrived: float
    deadline: float


@dataclass(frozen=True)
class Shed:
    """These are past their deadline: answer so and never run them."""

    entries: Tuple[Entry, ...]


@dataclass(frozen=True)
class Dispatch:
    """Run these as one batch now."""

    entries: Tuple[Entry, ...]


@dataclass(frozen=True)
class Sleep:
    """Nothing to do before `until` (None: before something arrives or finishes)."""

    until: Optional[float]


Action = Union[Shed, Dispatch, Sleep]


def decide(now: float, queue: Sequence[Entry], free: int, max_batch: int) -> Action:
    """The next action of an engine.

    `queue` holds the requests that wait, in any order; `free` is how many batches the device can still take.
    The expired are shed first; then, if the device is free, the earliest deadlines go (ties: first come).
    """
    expired = tuple(entry for entry in queue if entry.deadline <= now)
    if expired:
        return Shed(expired)
    if not queue:
        return Sleep(None)
    if free <= 0:
        return Sleep(min(entry.deadline for entry in queue))
    urgent = sorted(queue, key=lambda entry: (entry.deadline, entry.arrived, entry.key))
    return Dispatch(tuple(urgent[:max_batch]))
