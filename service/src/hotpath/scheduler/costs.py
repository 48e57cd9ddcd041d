"""What batches cost, by their length and size: the table measured at warm-up, and what follows from it."""

from __future__ import annotations

import copy
from bisect import bisect_left
from typing import List, Mapping, Optional, Sequence, Tuple

from hotpath.scheduler.entries import Entry
from hotpath.scheduler.mixing import Mixture
from hotpath.scheduler.sizes import Sizes

_RISE, _FALL = 0.3, 0.05
"""How fast the pace follows batches that take longer, and shorter, than foretold: a promise that is kept
early hurts nobody, so the pace stays near the slow ones."""


class Costs:
    """Seconds of a batch by the length of its longest item and by its size, and the batches of a queue.

    `table` holds seconds by length and then by batch size, the same sizes for each length, measured with
    nothing else running; no batch may take less than a smaller or shorter one. What has one length only, as
    images have, stands at length 1. For `pads` see Sizes. The pace is by how much batches take longer now
    than in the table, whatever their length and size.
    """

    def __init__(
        self, table: Mapping[int, Mapping[int, float]], pads: bool = False, pace: float = 1.0
    ) -> None:
        self.lengths: Tuple[int, ...] = tuple(sorted(table))
        """The lengths that batches are padded to, ascending."""
        self.sizes = [Sizes(table[length], pads) for length in self.lengths]
        """For each of `lengths`."""
        self.most = self.sizes[0].most
        self._mixture: Optional[Mixture] = Mixture(self.sizes) if len(self.lengths) > 1 else None
        self._set_pace(pace)

    def _set_pace(self, pace: float) -> None:
        self.pace = pace
        self.lone: List[float] = [one.seconds[1] * pace for one in self.sizes]
        """For each of `lengths`: how long an item takes by itself."""

    def place(self, units: int) -> int:
        """Which of `lengths` an item of so many units is padded to; the longest, where it is longer still."""
        return min(bisect_left(self.lengths, units), len(self.lengths) - 1)

    def place_of(self, batch: Sequence[Entry]) -> int:
        """Which of `lengths` a batch is padded to."""
        return max([entry.place for entry in batch]) if self._mixture else 0

    def seconds(self, size: int, place: int = 0) -> float:
        """How long a batch of so many takes, as long as `place` says. Raises IndexError beyond the largest."""
        return self.sizes[place].seconds[size] * self.pace

    def next_of(self, queue: Sequence[Entry]) -> Sequence[Entry]:
        """The batch with the first of `queue` (at least 1, by rank) of those that all are done soonest in."""
        if self._mixture is None:
            return queue[: self.sizes[0].size_for(len(queue))]
        wanted = list(self._mixture.batch(self._count(queue), queue[0].place))
        batch = []
        for entry in queue:
            if wanted[entry.place]:
                wanted[entry.place] -= 1
                batch.append(entry)
                if not any(wanted):
                    break
        return batch

    def is_full(self, queue: Sequence[Entry]) -> bool:
        """Whether nothing is gained by waiting for more to go with the first of `queue`."""
        place = queue[0].place
        full = self.sizes[place].full
        if len(queue) < full:
            return False
        return self._mixture is None or self._count(queue)[place] >= full

    def clear(self, queue: Sequence[Entry]) -> float:
        """Seconds until all of `queue` are done, one batch after another; no less, and little more."""
        if self._mixture is None:
            return self.sizes[0].clear(len(queue)) * self.pace
        return self._mixture.weight(self._count(queue)) * self.pace

    def clear_apart(self, queue: Sequence[Entry]) -> float:
        """The same if each length went by itself: no less than `clear`, and quickly known."""
        if self._mixture is None:
            return self.sizes[0].clear(len(queue)) * self.pace
        return self._mixture.weight_apart(self._count(queue)) * self.pace

    def at(self, pace: float) -> Costs:
        """The same table at another pace."""
        other = copy.copy(self)
        other._set_pace(pace)
        return other

    def after(self, size: int, took: float, place: int = 0) -> Costs:
        """With the pace as it shows now that a batch of `size`, as long as `place` says, took so many seconds."""
        foretold = self.sizes[place].seconds[size]
        ratio = took / foretold if foretold else self.pace
        return self.at(self.pace + (_RISE if ratio > self.pace else _FALL) * (ratio - self.pace))

    def rested(self) -> Costs:
        """After a while without any batch: a pace above the table's is half forgotten.

        Else a device that was slow for a moment could go on being thought too slow for every deadline, and
        never get the batch that shows otherwise.
        """
        return self.at(min(self.pace, (1.0 + self.pace) / 2))

    def _count(self, queue: Sequence[Entry]) -> List[int]:
        """How many of `queue` there are of each of `lengths`."""
        counts = [0] * len(self.lengths)
        for entry in queue:
            counts[entry.place] += 1
        return counts
