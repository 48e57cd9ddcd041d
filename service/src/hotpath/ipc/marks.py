"""What an engine was running when it died: a cell for each slot, in memory that outlives the engine.

Before a batch goes to the device, the engine marks its slots. When an engine has died, each worker sees in
the cells which of its requests were on the device at that time, and so may have been what killed it; the
others only waited, and are handed to the next engine as if nothing had happened.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass

_CELL = 8
_REQUEST = (1 << 38) - 1
_ENGINE = (1 << 24) - 1
"""What of the numbers goes into a cell. That a request looks like one of 2**38 requests ago, or an engine as
one 2**24 crashes ago, is no concern: something would run alone once without need."""


@dataclass(frozen=True)
class Mark:
    """Of a request: whether it was on the device, and whether nothing else was in its batch."""

    ran: bool
    alone: bool


class Marks:
    """Made by the supervisor before it forks. Engines write, workers read, a cell at a time."""

    def __init__(self, slots: int) -> None:
        self._cells = memoryview(mmap.mmap(-1, slots * _CELL)).cast("Q")

    def ran(self, slot: int, engine: int, request: int, alone: bool) -> None:
        """Note that this incarnation of the engine runs the request that lies in `slot`."""
        self._cells[slot] = _pack(engine, request) | alone

    def of(self, slot: int, engine: int, request: int) -> Mark:
        """What this incarnation of the engine noted of the request in `slot`."""
        cell = self._cells[slot]
        ran = cell & ~1 == _pack(engine, request)
        return Mark(ran, ran and bool(cell & 1))


def _pack(engine: int, request: int) -> int:
    return ((engine & _ENGINE) << 38 | request & _REQUEST) << 1
