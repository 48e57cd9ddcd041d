"""What batches of one length cost by their size: the table measured at warm-up, and what follows from it."""

from __future__ import annotations

from bisect import bisect_left
from typing import List, Mapping, Tuple

SPLIT_GAIN = 0.95
"""Smaller batches must take at most this part of the time of larger ones: the table is not exact."""

HANDOVER_S = 0.0003
"""About what a batch costs beside its time on the device, in messages and threads; to choose sizes by."""


class Sizes:
    """Seconds of a batch by its size, for every size from 1 to the largest of the table.

    `table` holds seconds by batch size, measured with nothing else running; size 1 must be in it. A size
    between two measured ones costs what the larger does where the back end `pads`, else the straight line
    between them.
    """

    def __init__(self, table: Mapping[int, float], pads: bool = False) -> None:
        self.measured = sorted(table)
        self.most = self.measured[-1]
        self.seconds = [0.0, *(_seconds(table, size, pads) for size in range(1, self.most + 1))]
        """By size: how long the batch takes."""
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
        self.full = self._first[self.most]
        """The batch size that nothing is gained by waiting beyond."""

    def size_for(self, waiting: int) -> int:
        """How many of so many waiting requests (at least 1) to put in the next batch.

        The size that all of them are done soonest with: 5 go as 5 where the device takes any number, and as
        4 and 1 where it would pad them to 8 and 8 takes longer than that.
        """
        return self._first[waiting] if waiting < len(self._first) else self.full

    def clear(self, waiting: int) -> float:
        """Seconds until so many requests are done, one batch after another."""
        while len(self._clear) <= waiting:
            self._clear.append(self._after(len(self._clear), self.full))
        return self._clear[waiting]

    def weight(self, size: int) -> float:
        """What a batch costs when it is weighed against others."""
        return HANDOVER_S + self.seconds[size]

    def next_one(self, size: int) -> Tuple[float, float]:
        """Seconds that one more item adds to a batch of `size`, and what it would cost alone beyond that.

        Nothing is saved where the batch has no room for it.
        """
        if size >= self.most:
            return 0.0, 0.0
        longer = self.seconds[size + 1] - self.seconds[size]
        return longer, self.weight(1) - longer

    def _best(self, waiting: int) -> int:
        """The first batch of those that so many are done soonest in; the largest that is nearly as good."""
        sizes = range(1, min(waiting, self.most) + 1)
        least = min(self._weight(waiting, size) for size in sizes)
        return max(size for size in sizes if SPLIT_GAIN * self._weight(waiting, size) <= least)

    def _weight(self, waiting: int, size: int) -> float:
        return self.weight(size) + self._weights[waiting - size]

    def _after(self, waiting: int, size: int) -> float:
        return self.seconds[size] + self._clear[waiting - size]


def _seconds(table: Mapping[int, float], size: int, pads: bool) -> float:
    sizes = sorted(table)
    above = bisect_left(sizes, size)
    upper = sizes[above]
    if upper == size or pads:
        return table[upper]
    lower = sizes[above - 1]
    return table[lower] + (table[upper] - table[lower]) * (size - lower) / (upper - lower)
