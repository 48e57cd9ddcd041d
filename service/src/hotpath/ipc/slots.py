"""Places in the arena: shared by all workers, each lent to one request at a time.

One byte a slot says which worker holds it, and that byte is all there is to know: whatever instant a worker
is killed at, its slots are those that carry its number, and the supervisor frees them before it starts the
successor. Where two workers reach for the same free slot, a lock on that byte decides (locks.py).
"""

from __future__ import annotations

import mmap
from types import TracebackType
from typing import Callable, List, Optional, Sequence, Type

from hotpath.ipc.locks import ByteLocks

_FREE = b"\0"  # else the number of the worker, plus 1


class NoFreeSlot(Exception):
    """Every place of the service is taken."""


class SlotMap:
    """Who holds each slot. Made by the supervisor before it forks; every process sees the same map."""

    def __init__(self, each: int, classes: int = 1) -> None:
        self.each = each
        """How many there are of every class; those of one are numbered one after another."""
        self.slots = slots = each * classes
        self._owners = mmap.mmap(-1, slots)
        self._locks = ByteLocks("hotpath-slots")

    def take(self, worker: int, first: int = 0, kind: int = 0) -> Optional[int]:
        """Give `worker` a free slot of a class, from number `first` of it on; None when there is none."""
        begin = kind * self.each
        for start, end in ((begin + first, begin + self.each), (begin, begin + first)):
            slot = self._owners.find(_FREE, start, end)
            while slot >= 0:
                if self._claim(slot, worker):
                    return slot
                slot = self._owners.find(_FREE, slot + 1, end)
        return None

    def free(self, slot: int) -> None:
        """Take a slot back. Only its holder may call this: nobody else writes to a byte that is not 0."""
        self._owners[slot] = 0

    def reclaim(self, worker: int, kept: Sequence[int] = ()) -> int:
        """Free what a dead worker held, and return how many slots that were.

        Those `kept` are for its successor to free: others still write to them.
        """
        lost = [slot for slot in self.of(worker) if slot not in kept]
        for slot in lost:
            self.free(slot)
        return len(lost)

    def of(self, worker: int) -> List[int]:
        """What a worker holds."""
        return [slot for slot, owner in enumerate(self._owners[: self.slots]) if owner == worker + 1]

    def holder(self, slot: int) -> Optional[int]:
        """Who holds a slot, if anybody does."""
        return self._owners[slot] - 1 if self._owners[slot] else None

    def full(self, kind: int = 0) -> bool:
        """Whether every slot of a class is lent."""
        begin = kind * self.each
        return self._owners.find(_FREE, begin, begin + self.each) < 0

    def free_of(self, kind: int) -> int:
        """How many slots of a class nobody holds."""
        begin = kind * self.each
        return self._owners[begin : begin + self.each].count(_FREE)

    @property
    def in_use(self) -> int:
        """How many slots are lent."""
        return self.slots - self._owners[: self.slots].count(_FREE)

    def _claim(self, slot: int, worker: int) -> bool:
        with self._locks.tried(slot) as locked:
            if not locked or self._owners[slot]:
                return False
            self._owners[slot] = worker + 1
            return True


class Lease:
    """A request's permit and slot in one.

    Leaving the `with` block gives both back, but only once nobody else works on the slot: a decoding thread
    or an engine that a cancelled request left behind borrows it until done.
    """

    def __init__(
        self, slot: int, release: Callable[[int], None], ended: Callable[[], None] = lambda: None
    ) -> None:
        self.slot = slot
        self._release = release
        self._ended = ended
        self._holders = 1

    def borrow(self) -> None:
        """Somebody besides the request works on the slot from now on."""
        self._holders += 1

    def give_back(self) -> None:
        """A borrower, or the request itself, is done with the slot."""
        self._holders -= 1
        if self._holders == 0:
            self._release(self.slot)
            self._ended()

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
    """One worker's way to the shared slots. Belongs to its event loop's thread.

    It prefers the slots from `home` on, which the supervisor may have put on the worker's memory node.
    """

    def __init__(self, slots: SlotMap, worker: int, home: range, on_change: Callable[[int], None]) -> None:
        self._slots = slots
        self._worker = worker
        self._first = home.start
        self._on_change = on_change
        self.in_use = 0
        """How many slots this worker has lent."""

    def full(self, kind: int = 0) -> bool:
        """Whether every slot of a class is held."""
        return self._slots.full(kind)

    def free(self, kind: int = 0) -> int:
        """How many slots of a class nobody holds."""
        return self._slots.free_of(kind)

    def lease(self, ended: Callable[[], None] = lambda: None, kind: int = 0) -> Lease:
        """Lend a slot of a class; `ended` is called when it is given back. Raises NoFreeSlot."""
        slot = self._slots.take(self._worker, self._first, kind)
        if slot is None:
            raise NoFreeSlot
        return self._lend(slot, ended)

    def adopt(self, slot: int) -> Lease:
        """Lend on what a predecessor held, and the supervisor left to this worker."""
        return self._lend(slot, lambda: None)

    def _lend(self, slot: int, ended: Callable[[], None]) -> Lease:
        self._count(1)
        return Lease(slot, self._take_back, ended)

    def _take_back(self, slot: int) -> None:
        self._slots.free(slot)
        self._count(-1)

    def _count(self, change: int) -> None:
        self.in_use += change
        self._on_change(self.in_use)
