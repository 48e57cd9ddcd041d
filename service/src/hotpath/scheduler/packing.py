"""Batches of items of different lengths that are laid one behind another, so that no place is left empty.

Then a batch costs what one of its mean length does, and nobody pays for a longer neighbour: the most urgent
simply go together, as many as suits that length.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Sequence

from hotpath.scheduler.entries import Entry
from hotpath.scheduler.sizes import Sizes


class Packing:
    """The batches of a queue. `sizes` holds the costs of each of `lengths`, which ascend."""

    def __init__(self, lengths: Sequence[int], sizes: Sequence[Sizes]) -> None:
        self._lengths = lengths
        self._sizes = sizes
        self._alone = [one.seconds[1] for one in sizes]

    def seconds(self, batch: Sequence[Entry]) -> float:
        """Of a batch, by the table: the straight line between the two lengths that the mean is between.

        No less than the longest takes by itself.
        """
        return max(self._of_mean(self._mean(batch), len(batch)), self._alone[max([e.place for e in batch])])

    def next_of(self, queue: Sequence[Entry]) -> Sequence[Entry]:
        """The batch to begin with."""
        return queue[: self._suiting(queue).size_for(len(queue))]

    def is_full(self, queue: Sequence[Entry]) -> bool:
        """Whether nothing is gained by waiting for more."""
        return len(queue) >= self._suiting(queue).full

    def clear(self, queue: Sequence[Entry]) -> float:
        """What all the batches take: just so long, if nothing else comes."""
        seconds = 0.0
        while queue:
            batch = self.next_of(queue)
            seconds += self.seconds(batch)
            queue = queue[len(batch) :]
        return seconds

    clear_quickly = clear

    def _of_mean(self, mean: float, size: int) -> float:
        above = bisect_left(self._lengths, mean)
        longer, upper = self._lengths[above], self._sizes[above].seconds[size]
        if longer == mean:
            return upper
        shorter, lower = self._lengths[above - 1], self._sizes[above - 1].seconds[size]
        return lower + (upper - lower) * (mean - shorter) / (longer - shorter)

    def _suiting(self, queue: Sequence[Entry]) -> Sizes:
        """The costs of about the length that the most urgent have."""
        return self._sizes[bisect_left(self._lengths, self._mean(queue[: self._sizes[0].most]))]

    def _mean(self, batch: Sequence[Entry]) -> float:
        return sum([self._lengths[entry.place] for entry in batch]) / len(batch)
