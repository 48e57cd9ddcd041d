"""The shared table of metrics: one row of float64 cells for each process, mapped before the first fork.

Each process writes its own row alone, so no lock is needed; any worker sums all rows for a scrape. Rows
outlive their process: counters go on where a crashed one stopped.
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from functools import partial
from typing import Callable, List, Optional, Sequence

from hotpath.ipc.offers import Offers
from hotpath.metrics.layout import Labels, Layout, describe

_CELL = 8


class Row:
    """One process's cells."""

    def __init__(self, layout: Layout, cells: memoryview[float]) -> None:
        self._layout = layout
        self._offsets = layout.offsets  # at hand: a request counts some thirty times
        self._cells = cells

    def add(self, name: str, labels: Labels = (), amount: float = 1.0) -> None:
        """Count."""
        self._cells[self._offsets[name, labels]] += amount

    def set(self, name: str, value: float, labels: Labels = ()) -> None:
        """Set a gauge."""
        self._cells[self._offsets[name, labels]] = value

    def get(self, name: str, labels: Labels = ()) -> float:
        """Read a counter or a gauge."""
        return float(self._cells[self._offsets[name, labels]])

    def gauge(self, name: str, labels: Labels = ()) -> Callable[[], float]:
        """What reads it again and again, and looks nothing up for that."""
        return partial(self._cells.__getitem__, self._offsets[name, labels])

    def clear(self) -> None:
        """Forget everything: another engine takes the row over."""
        for index in range(self._layout.width):
            self._cells[index] = 0.0

    def clear_lane(self, lane: int) -> None:
        """Forget everything about a lane: another version takes it over."""
        for metric in self._layout.metrics:
            for labels in metric.series:
                if metric.by_lane and labels[0] == str(lane):
                    self.set(metric.name, 0.0, labels)

    def observe(self, name: str, value: float) -> None:
        """Add a value to a histogram."""
        start, buckets = self._layout.histograms[name]
        self._cells[start + bisect_left(buckets, value)] += 1
        self._cells[start + len(buckets) + 1] += value

    def values(self, name: str, labels: Labels = ()) -> List[float]:
        """All cells of a series."""
        start = self._offsets[name, labels]
        return [float(cell) for cell in self._cells[start : start + self._layout.metric(name).cells]]


class Table:
    """Rows of all processes: the supervisor, the workers, the engines."""

    def __init__(
        self, workers: int, engine_labels: List[str], max_batch: int, models: Sequence[str] = ()
    ) -> None:
        self.layout = Layout(describe(max_batch, models))
        self.engine_labels = engine_labels
        self.max_batch = max_batch
        self.offers: Optional[Offers] = None
        """Who has which engines and lanes; kept by every process that answers scrapes."""
        rows = 1 + workers + len(engine_labels)
        self._cells = memoryview(mmap.mmap(-1, rows * self.layout.width * _CELL)).cast("d")
        every = [self._row(index) for index in range(rows)]
        self.supervisor = every[0]
        self.workers = every[1 : 1 + workers]
        self.engines = every[1 + workers :]

    @property
    def rows(self) -> List[Row]:
        """Every process's row."""
        return [self.supervisor, *self.workers, *self.engines]

    def total(self, name: str, labels: Labels = ()) -> float:
        """The sum of a counter or gauge over all rows."""
        return sum(row.get(name, labels) for row in self.rows)

    def _row(self, index: int) -> Row:
        width = self.layout.width
        return Row(self.layout, self._cells[index * width : (index + 1) * width])
