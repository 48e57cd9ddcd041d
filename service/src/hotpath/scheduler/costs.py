"""What batches cost: the table measured at warm-up, and what follows from it."""

from __future__ import annotations

import copy
from bisect import bisect_left
from typing import List, Mapping

SPLIT_GAIN = 0.95
"""Smaller batches must take at most this part of the time of larger ones: the table is not exact."""

HANDOVER_S = 0.0003
"""About what a batch costs beside its time on the device, in messages and threads; to choose sizes by."""

_RISE, _FALL = 0.3, 0.05
"""How fast the pace follows batches that take longer, and shorter, than foretold: a promise that is kept
early hurts nobody, so the pace stays near the slow ones."""


class Costs:
    """Seconds of a batch by its size, for every size from 1 to the largest of the table.

    `table` holds seconds by batch size, measured with nothing else running; size 1 must be in it. A size
    between two measured ones costs what the larger does where the back end `pads`, else the straight line
    between them. The pace is by how much batches take longer now than in the table.
    """

    def __init__(self, table: Mapping[int, float], pads: bool = False, pace: float = 1.0) -> None:
        self.pace = pace
        self.most = max(table)
        self._seconds = [0.0, *(_seconds(table, size, pads) for size in range(1, self.most + 1))]
        self._weights = [0.0]
        self._clear: List[float] = [0.0]
        """By number of requests that wait: seconds until all are done."""
        self._first: List[int] = [0]
        """By number of requests that wait: the size of the batch to begin with."""
        for waiting in range(1, 2 * self.most + 1):
            first = self._best(waiting)
            self._first.append(first)
            self._weights.append(self._weight(waiting, first))
            self._clear.append(self._after(waiting, first))

    def seconds(self, size: int) -> float:
        """How long a batch of so many takes. Raises IndexError beyond the largest."""
        return self._seconds[size] * self.pace

    def size_for(self, waiting: int) -> int:
        """How many of so many waiting requests (at least 1) to put in the next batch.

        The size that all of them are done soonest with: 5 go as 5 where the device takes any number, and as
        4 and 1 where it would pad them to 8 and 8 takes longer than that.
        """
        return self._first[waiting] if waiting < len(self._first) else self.full

    @property
    def full(self) -> int:
        """The batch size that nothing is gained by waiting beyond."""
        return self._first[self.most]

    def clear(self, waiting: int) -> float:
        """Seconds until so many requests are done, one batch after another."""
        while len(self._clear) <= waiting:
            self._clear.append(self._after(len(self._clear), self.full))
        return self._clear[waiting] * self.pace

    def at(self, pace: float) -> Costs:
        """The same table at another pace."""
        other = copy.copy(self)
        other.pace = pace
        return other

    def after(self, size: int, took: float) -> Costs:
        """With the pace as it shows now that a batch of `size` took so many seconds."""
        ratio = took / self._seconds[size] if self._seconds[size] else self.pace
        return self.at(self.pace + (_RISE if ratio > self.pace else _FALL) * (ratio - self.pace))

    def rested(self) -> Costs:
        """After a while without any batch: a pace above the table's is half forgotten.

        Else a device that was slow for a moment could go on being thought too slow for every deadline, and
        never get the batch that shows otherwise.
        """
        return self.at(min(self.pace, (1.0 + self.pace) / 2))

    def _best(self, waiting: int) -> int:
        """The first batch of those that so many are done soonest in; the largest that is nearly as good."""
        sizes = range(1, min(waiting, self.most) + 1)
        least = min(self._weight(waiting, size) for size in sizes)
        return max(size for size in sizes if SPLIT_GAIN * self._weight(waiting, size) <= least)

    def _weight(self, waiting: int, size: int) -> float:
        return HANDOVER_S + self._seconds[size] + self._weights[waiting - size]

    def _after(self, waiting: int, size: int) -> float:
        return self._seconds[size] + self._clear[waiting - size]


def _seconds(table: Mapping[int, float], size: int, pads: bool) -> float:
    sizes = sorted(table)
    above = bisect_left(sizes, size)
    upper = sizes[above]
    if upper == size or pads:
        return table[upper]
    lower = sizes[above - 1]
    return table[lower] + (table[upper] - table[lower]) * (size - lower) / (upper - lower)
