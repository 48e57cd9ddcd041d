"""What batches cost, by their lengths and sizes: the table measured at warm-up, and what follows from it."""

from __future__ import annotations

import copy
from bisect import bisect_left
from typing import List, Mapping, Optional, Sequence, Tuple, Union

from hotpath.scheduler.entries import Entry
from hotpath.scheduler.mixing import Mixing
from hotpath.scheduler.packing import Packing
from hotpath.scheduler.sizes import Sizes

_RISE, _FALL = 0.3, 0.05
"""How fast the pace follows batches that take longer, and shorter, than foretold: a promise that is kept
early hurts nobody, so the pace stays near the slow ones."""


class Costs:
    """Seconds of a batch by the lengths of its items and by its size, and the batches of a queue.

    `table` holds seconds by length and then by batch size, the same sizes for each length, measured with
    nothing else running; no batch may take less than a smaller or shorter one. Images, which have no length,
    stand at length 1. For `pads` see Sizes. A batch of several lengths is as long as its
    longest item, or where the back end `packs`, as if all were as long as they are on average. The pace is
    by how much batches take longer now than in the table, whatever their lengths and size.
    """

    def __init__(
        self,
        table: Mapping[int, Mapping[int, float]],
        pads: bool = False,
        packs: bool = False,
        pace: float = 1.0,
    ) -> None:
        self.lengths: Tuple[int, ...] = tuple(sorted(table))
        """The lengths that the table tells apart, ascending."""
        self._bounds = self.lengths[:-1]
        self.packs = packs
        sizes = [Sizes(table[length], pads) for length in self.lengths]
        self._sizes = sizes[0]
        self._joining: Optional[Union[Mixing, Packing]] = None
        """Which items of different lengths go together; None where there is one length."""
        if len(sizes) > 1:
            self._joining = Packing(self.lengths, sizes) if packs else Mixing(sizes)
        self.most = self._sizes.most
        self._alone = [one.seconds[1] for one in sizes]
        self._set_pace(pace)

    def _set_pace(self, pace: float) -> None:
        self.pace = pace
        self.lone: List[float] = [seconds * pace for seconds in self._alone]
        """For each of `lengths`: how long an item takes by itself."""

    def place(self, units: int) -> int:
        """Which of `lengths` an item of so many units belongs to; the longest, where it is longer still."""
        return bisect_left(self._bounds, units)

    def foretold(self, batch: Sequence[Entry]) -> float:
        """How long a batch takes by the table. Raises IndexError for one that is too large."""
        return self._sizes.seconds[len(batch)] if self._joining is None else self._joining.seconds(batch)

    def seconds(self, batch: Sequence[Entry]) -> float:
        """How long a batch takes now."""
        return self.foretold(batch) * self.pace

    def latest(self, queue: Sequence[Entry]) -> float:
        """Until when everybody in `queue` (at least 1) can still be in time by themselves."""
        if self._joining is None:
            return min([entry.deadline for entry in queue]) - self.lone[0]
        return min([entry.deadline - self.lone[entry.place] for entry in queue])

    def width(self, batch: Sequence[Entry]) -> int:
        """Units that each item of a batch is filled up to; 0 where they are laid one behind another."""
        if self.packs:
            return 0
        return self.lengths[0 if self._joining is None else max([entry.place for entry in batch])]

    def next_of(self, queue: Sequence[Entry]) -> Sequence[Entry]:
        """The batch with the first of `queue` (at least 1, by rank) of those that all are done soonest in."""
        if self._joining is None:
            return queue[: self._sizes.size_for(len(queue))]
        return self._joining.next_of(queue)

    def is_full(self, queue: Sequence[Entry]) -> bool:
        """Whether nothing is gained by waiting for more to go with the first of `queue`."""
        if self._joining is None:
            return len(queue) >= self._sizes.full
        return self._joining.is_full(queue)

    def next_one(self, size: int) -> Tuple[float, float]:
        """Seconds that one more item adds to a batch of `size`, and what it saves not to be one by itself.

        Where items have lengths that is taken for nothing: it is little beside what their batches take.
        """
        if self._joining is not None:
            return 0.0, 0.0
        longer, saved = self._sizes.next_one(size)
        return longer * self.pace, saved * self.pace

    def clear(self, queue: Sequence[Entry]) -> float:
        """Seconds until all of `queue` are done, one batch after another; no less, and little more."""
        by_table = self._sizes.clear(len(queue)) if self._joining is None else self._joining.clear(queue)
        return by_table * self.pace

    def clear_quickly(self, queue: Sequence[Entry]) -> float:
        """The same, known at once: perhaps more than `clear`, and never less."""
        if self._joining is None:
            return self._sizes.clear(len(queue)) * self.pace
        return self._joining.clear_quickly(queue) * self.pace

    def at(self, pace: float) -> Costs:
        """The same table at another pace."""
        other = copy.copy(self)
        other._set_pace(pace)
        return other

    def after(self, foretold: float, took: float) -> Costs:
        """With the pace as it shows now that a batch took so long, and `foretold` by the table."""
        ratio = took / foretold if foretold else self.pace
        return self.at(self.pace + (_RISE if ratio > self.pace else _FALL) * (ratio - self.pace))

    def rested(self) -> Costs:
        """After some time in which nothing was to be done.

        Nobody waits who could learn from a batch that the machine is calm again: half of what the pace is
        above the table is forgotten.
        """
        return self.at(min(self.pace, (1.0 + self.pace) / 2))
