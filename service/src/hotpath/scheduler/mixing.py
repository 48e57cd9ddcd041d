"""Batches of items of different lengths, each as long as its longest item: which ones all are done soonest in.

As many of one length as make a full batch go together, and nobody else with them. What is left of each length
is sorted by length and cut where the sum of the batches' costs is least: no other grouping of it is cheaper,
since to trade a longer item of one batch for a shorter one of another that is itself longer never costs more.
So a short item joins longer ones exactly where all are done sooner for it: where the place beside them costs
less than a batch of its own length. What waits is bounded by the lengths' full batches there, not by the
queue, and the same leftovers are cut once.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from typing import List, Sequence, Tuple

from hotpath.scheduler.sizes import Sizes

Counts = Tuple[int, ...]
"""How many items of each length, the shortest first."""

_REMEMBERED = 4096


class Mixture:
    """The batches of a queue. `sizes` holds the costs of each length, the shortest first."""

    def __init__(self, sizes: Sequence[Sizes]) -> None:
        self._sizes = sizes
        self._worth = [one.worth() for one in sizes]
        self._weights = [[one.weight(size) for size in range(one.most + 1)] for one in sizes]
        self._left = lru_cache(_REMEMBERED)(self._cut)
        self._apart = [
            [self._left(tuple(n if i == place else 0 for i in range(len(sizes))))[0] for n in range(one.full)]
            for place, one in enumerate(sizes)
        ]
        """By length and number of items, less than a full batch: what they weigh by themselves."""

    def weight(self, counts: Sequence[int]) -> float:
        """What all the batches weigh: seconds, and HANDOVER_S for each.

        It falls by the weight of any batch of the plan when that is taken out; so it bounds what the table
        foretells for those that wait, whichever of their batches come first.
        """
        full, left = self._split(counts)
        return full + self._left(left)[0]

    def weight_apart(self, counts: Sequence[int]) -> float:
        """The same without mixing lengths: no less, and at once for any number."""
        weight = 0.0
        for count, one, apart in zip(counts, self._sizes, self._apart):
            if count:
                full, left = divmod(count, one.full)
                weight += full * one.weight(one.full) + apart[left]
        return weight

    def batch(self, counts: Sequence[int], place: int) -> Counts:
        """The batch to begin with: one of the plan that holds an item of this length.

        A full one where there is any, else the one that is done with most items in a second.
        """
        full = self._sizes[place].full
        if counts[place] >= full:
            return tuple(full if i == place else 0 for i in range(len(counts)))
        batches = self._left(self._split(counts)[1])[1]
        return min((batch for batch in batches if batch[place]), key=self._per_item)

    def _split(self, counts: Sequence[int]) -> Tuple[float, Counts]:
        """What the full batches weigh, and what is left beside them."""
        weight, left = 0.0, []
        for count, one in zip(counts, self._sizes):
            if count >= one.full:
                batches, count = divmod(count, one.full)
                weight += batches * one.weight(one.full)
            left.append(count)
        return weight, tuple(left)

    def _per_item(self, batch: Counts) -> float:
        longest = max(place for place, count in enumerate(batch) if count)
        return self._weights[longest][sum(batch)] / sum(batch)

    def _cut(self, counts: Counts) -> Tuple[float, List[Counts]]:
        """The least weight that so many can be done with, and the batches of it."""
        least, sizes = [0.0], [0]
        """By number of items, counted from the shortest."""
        for place, count in enumerate(counts):
            weights, worth = self._weights[place], self._worth[place]
            for waiting in range(len(least), len(least) + count):
                all_of_them = waiting < len(weights)
                best, chosen = (weights[waiting], waiting) if all_of_them else (float("inf"), 0)
                for size, weight in worth:
                    if size >= waiting:
                        break
                    weight += least[waiting - size]
                    if weight < best:
                        best, chosen = weight, size
                least.append(best)
                sizes.append(chosen)
        ends, batches, stop = list(accumulate(counts)), [], len(least) - 1
        while stop:
            start = stop - sizes[stop]
            batches.append(_between(start, stop, ends))
            stop = start
        return least[-1], batches


def _between(start: int, stop: int, ends: Sequence[int]) -> Counts:
    """How many of each length lie from `start` to `stop`, where the lengths end at `ends`."""
    inside = [0] * len(ends)
    place = bisect_right(ends, start)
    while start < stop:
        inside[place] = min(stop, ends[place]) - start
        start, place = min(stop, ends[place]), place + 1
    return tuple(inside)
