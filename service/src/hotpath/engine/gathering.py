"""What an engine knows of the items that are about to come to it: those that its neighbours are at."""

from __future__ import annotations

from typing import Sequence

from hotpath.metrics.table import Row
from hotpath.scheduler.gathering import NOTHING, PATIENCE, Coming

_FIRST_GAP_S = 0.001
_LEAST_GAP_S = 0.0001
"""Items that the engine finds together came in no time, as it seems."""
_WEIGHT = 0.1
"""How much a gap counts beside those before it."""


class Gathering:
    """Reads the rows of the workers beside the engine, and measures the gaps in which their items come."""

    def __init__(self, beside: Sequence[Row], processors: int) -> None:
        """`beside`: the workers on the engine's own processors, of which there are so many."""
        self._coming = [row.gauge("hotpath_items_coming") for row in beside]
        self._processors = processors
        self._gap = _FIRST_GAP_S
        self._newest = 0.0
        self._more = False
        """Whether others were on their way when the newest item came; else the gap says how few ask."""

    def came(self, at: float) -> None:
        """An item was handed over at this time of the monotonic clock."""
        if self._more:
            gap = min(max(0.0, at - self._newest), PATIENCE * self._gap)  # one slow item says little
            self._gap = max(_LEAST_GAP_S, self._gap + _WEIGHT * (gap - self._gap))
        self._newest = max(self._newest, at)
        self._more = self._items() > 0

    def coming(self) -> Coming:
        """What is on its way; nothing, unless more is there than all processors are at.

        Otherwise one of them has nothing else to do now, or would have while the batch gathers.
        """
        items = self._items()
        return Coming(items, self._gap, self._newest) if items > self._processors else NOTHING

    def _items(self) -> int:
        return int(sum([coming() for coming in self._coming]))
