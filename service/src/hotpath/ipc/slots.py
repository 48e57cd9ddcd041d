"""A worker's share of the arena, lent to one request at a time."""

from __future__ import annotations

from types import TracebackType
from typing import Callable, List, Optional, Type


class NoFreeSlot(Exception):
    """Every place of this worker is taken."""


class Lease:
    """A request's permit and slot in one.

    Leaving the `with` block gives both back, but only once nobody else works on the slot: a decoding thread
    or an engine that a cancelled request left behind borrows it until done.
    """

    def __init__(self, slot: int, release: Callable[[int], None]) -> None:
        self.slot = slot
        self._release = release
        self._holders = 1

    def borrow(self) -> None:
        """Somebody besides the request works on the slot from now on."""
        self._holders += 1

    def give_back(self) -> None:
        """A borrower, or the request itself, is done with the slot."""
        self._holders -= 1
        if self._holders == 0:
            self._release(self.slot)

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.give_back()


class SlotPool:
    """The free slots of one worker. Belongs to its event loop's thread; needs no lock."""

    def __init__(self, slots: range, on_change: Callable[[int], None]) -> None:
        self._free: List[int] = list(reversed(slots))
        self._size = len(slots)
        self._on_change = on_change

    @property
    def in_use(self) -> int:
        """How many slots are lent."""
        return self._size - len(self._free)

    def lease(self) -> Lease:
        """Lend a slot. Raises NoFreeSlot."""
        if not self._free:
            raise NoFreeSlot
        slot = self._free.pop()
        self._on_change(self.in_use)
        return Lease(slot, self._take_back)

    def _take_back(self, slot: int) -> None:
        self._free.append(slot)
        self._on_change(self.in_use)
