"""Who waits, and in what order."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Dict, List, NamedTuple, Sequence, Tuple

FIRST, NORMAL, LAST = 1, 5, 9
"""Priorities: a lower number goes first."""

STEP_S = 1.0
"""A request goes ahead of one that is one priority lower as if its deadline were so many seconds earlier.

So nobody is passed over for ever: what arrives (LAST - FIRST) steps or more after a request's deadline can't
be ahead of it, whatever the priorities."""


class Entry(NamedTuple):
    """A queued request. Times are seconds of one monotonic clock."""

    key: int
    arrived: float
    deadline: float
    priority: int = NORMAL
    group: int = 0
    """Other than 0: something went wrong with them; they run with their group and nobody else."""
    place: int = 0
    """Which of the lengths that batches are padded to it needs, the shortest being 0."""
    behind: float = 0.0
    """Seconds for which its request has had items here before. By so much it goes later than its deadline
    says, behind those that have come meanwhile: else who asks for hundreds of items at once would be ahead
    of everybody until the last of them."""

    @property
    def rank(self) -> Tuple[int, int, float, float, int]:
        """Lower goes first: groups, as they have waited longest, then the earliest deadline but for that."""
        grouped = (0, self.group) if self.group else (1, 0)
        return (*grouped, self.deadline + self.behind + self.priority * STEP_S, self.arrived, self.key)


class Queue:
    """Entries by their keys, always in order."""

    def __init__(self) -> None:
        self._ranks: List[Tuple[int, int, float, float, int]] = []
        self._entries: List[Entry] = []
        self._by_key: Dict[int, Entry] = {}

    @property
    def entries(self) -> Sequence[Entry]:
        """Everybody who waits, the most urgent first."""
        return self._entries

    def add(self, entry: Entry) -> None:
        """Queue it where it belongs."""
        rank = entry.rank
        place = bisect_left(self._ranks, rank)
        insort(self._ranks, rank)
        self._entries.insert(place, entry)
        self._by_key[entry.key] = entry

    def remove(self, key: int) -> Entry:
        """Take one out. Raises KeyError."""
        entry = self._by_key.pop(key)
        place = bisect_left(self._ranks, entry.rank)
        del self._ranks[place], self._entries[place]
        return entry

    def __len__(self) -> int:
        return len(self._entries)
