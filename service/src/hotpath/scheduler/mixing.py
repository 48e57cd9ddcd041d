"""Batches of items of different lengths, each as long as its longest item: who goes with whom.

As many of one length as make a full batch go together, and nobody else with them. What is left of each
length is sorted by length and cut into batches where the sum of their costs is least: no grouping across the
order is cheaper, since to trade a longer item of one batch for a shorter one of another that is itself longer
never costs more. So a short item joins longer ones exactly where all are done sooner for it: where the place
beside them costs less than a batch of its own length. The cuts that are tried make a batch of a measured
size, or lie where a length begins; others gain next to nothing. What is cut is bounded by the lengths' full
batches there, not by the queue, and the same leftovers are cut once.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from typing import List, Sequence, Tuple

from hotpath.scheduler.entries import Entry
from hotpath.scheduler.sizes import Sizes

Counts = Tuple[int, ...]
"""How many items of each length, the shortest first."""

_REMEMBERED = 4096
_INFINITE = float("inf")


class Mixing:
    """The batches of a queue. `sizes` holds the costs of each length, the shortest first."""

    def __init__(self, sizes: Sequence[Sizes]) -> None:
        self._sizes = sizes
        self._measured = [one.measured for one in sizes]
        self._weights = [[one.weight(size) for size in range(one.most + 1)] for one in sizes]
        self._left = lru_cache(_REMEMBERED)(self._cut)
        self._apart = [
            [self._left(self._only(place, count))[0] for count in range(one.full)]
            for place, one in enumerate(sizes)
        ]
        """By length and number of items, less than a full batch: what they weigh by themselves."""

    def seconds(self, batch: Sequence[Entry]) -> float:
        """Of a batch, by the table."""
        return self._sizes[max([entry.place for entry in batch])].seconds[len(batch)]

    def next_of(self, queue: Sequence[Entry]) -> Sequence[Entry]:
        """The batch to begin with: one of the plan that the most urgent is in.

        A full one where there is any, else the one that is done with most items in a second.
        """
        wanted, batch = list(self._batch(self._count(queue), queue[0].place)), []
        left = sum(wanted)
        for entry in queue:
            if wanted[entry.place]:
                wanted[entry.place] -= 1
                batch.append(entry)
                if len(batch) == left:
                    break
        return batch

    def is_full(self, queue: Sequence[Entry]) -> bool:
        """Whether a full batch of the most urgent one's length is there."""
        place = queue[0].place
        full = self._sizes[place].full
        return len(queue) >= full and self._count(queue)[place] >= full

    def clear(self, queue: Sequence[Entry]) -> float:
        """What all the batches weigh: seconds, and HANDOVER_S for each.

        It falls by the weight of any batch of the plan when that is taken out; so it bounds what the table
        foretells for those that wait, whichever of their batches come first.
        """
        full, left = self._split(self._count(queue))
        return full + self._left(left)[0]

    def clear_quickly(self, queue: Sequence[Entry]) -> float:
        """The same without mixing lengths: no less, and at once for any number."""
        weight = 0.0
        for count, one, apart in zip(self._count(queue), self._sizes, self._apart):
            if count:
                full, left = divmod(count, one.full)
                weight += full * one.weight(one.full) + apart[left]
        return weight

    def _batch(self, counts: Sequence[int], place: int) -> Counts:
        """How many of each length the batch to begin with holds, if it is to hold one of `place`."""
        full = self._sizes[place].full
        if counts[place] >= full:
            return self._only(place, full)
        batches = self._left(self._split(counts)[1])[1]
        return min((batch for batch in batches if batch[place]), key=self._per_item)

    def _only(self, place: int, count: int) -> Counts:
        return tuple(count if one == place else 0 for one in range(len(self._sizes)))

    def _count(self, queue: Sequence[Entry]) -> List[int]:
        """How many of `queue` there are of each length."""
        counts = [0] * len(self._sizes)
        for entry in queue:
            counts[entry.place] += 1
        return counts

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
        least, sizes, borders = [0.0], [0], [0]
        """By number of items, counted from the shortest: their weight, and the size of their last batch."""
        for count, weights, measured in zip(counts, self._weights, self._measured):
            for stop in range(len(least), len(least) + count):
                best, chosen = _INFINITE, 0
                for size in measured:
                    if size > stop:
                        break
                    weight = weights[size] + least[stop - size]
                    if weight < best:
                        best, chosen = weight, size
                for border in borders:
                    size = stop - border
                    if size < len(weights) and weights[size] + least[border] < best:
                        best, chosen = weights[size] + least[border], size
                least.append(best)
                sizes.append(chosen)
            if count:
                borders.append(len(least) - 1)
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
