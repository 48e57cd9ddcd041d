"""Runs batches of every length and size before the first request does, and measures how long each takes."""

from __future__ import annotations

import math
import time
from typing import Callable, Dict, List, Sequence

from hotpath.engine.backend import Backend
from hotpath.engine.undisturbed import Measure, by_the_clock
from hotpath.metrics.layout import buckets_up_to
from hotpath.tasks.task import Item

_UNTIMED = 2
"""Runs before the clock counts: TorchScript's profiler and lazy set-up take the first two of each shape."""
_TIMED = 5
_FEWEST = _UNTIMED + 2
_SHORTEST_S = 0.03
"""Of one size, at least so long is spent: a few batches of 0.1 ms could all be disturbed."""
_LONGEST_S = 1.0
"""Of one size, after so long no further run is begun, once two were timed; see `_shortest`."""
_WHOLE_S = 60.0
"""About what all lengths and sizes together may take, where there are several lengths."""
_INFERRED = 1.1
"""A batch that would take too long to measure counts as this much longer than smaller ones in its place."""


def warm(
    backend: Backend,
    example: Callable[[int], Item],
    lengths: Sequence[int],
    max_batch: int,
    measure: Measure = by_the_clock,
) -> Dict[int, Dict[int, float]]:
    """Seconds of a batch by length and size; the largest first, so that buffers are allocated once.

    `example` gives an item of so many units. The shortest of several runs counts: what else the machine does
    can only make one longer, and a table with such flaws would choose the wrong sizes. That batches are
    slower under load is the pace's to learn. Where others are busy all the while, no run is short; so on CPUs
    `measure` leaves out what they took. A table of that would foretell for ever that requests are late which
    are not: what is refused runs no batch that the pace could learn from.

    Where there are several lengths, each length and size has the same share of `_WHOLE_S`. A batch that could
    take longer, as so many single items of its length do, is not run. It is inferred from the largest of its
    length that was: a little more than in proportion, so that as a rule none so large is made.
    """
    sizes = buckets_up_to(max_batch)
    share = _WHOLE_S / (len(lengths) * len(sizes)) if len(lengths) > 1 else math.inf
    table: Dict[int, Dict[int, float]] = {}
    longer = dict.fromkeys(sizes, math.inf)
    for length in sorted(lengths, reverse=True):
        item = example(length)
        most = _affordable(backend, item, sizes, share, measure)
        row: Dict[int, float] = {}
        for size in reversed([size for size in sizes if size <= most]):
            # Whatever the clock says, fewer and shorter items don't take longer than more and longer ones.
            seconds = _shortest(backend, [item] * size, min(share, _LONGEST_S), measure)
            row[size] = min(seconds, *row.values(), longer[size])
        for size in [size for size in sizes if size > most]:
            row[size] = min(row[most] * size / most * _INFERRED, longer[size])
        table[length] = longer = dict(sorted(row.items()))
    return dict(sorted(table.items()))


def _affordable(backend: Backend, item: Item, sizes: Sequence[int], share: float, measure: Measure) -> int:
    """The largest of `sizes` that can be run often enough in `share` seconds."""
    if share == math.inf:
        return sizes[-1]
    alone = _shortest(backend, [item], share, measure)
    return max([1, *[size for size in sizes if size * alone * _FEWEST <= share]])


def _shortest(backend: Backend, batch: Sequence[Item], longest: float, measure: Measure) -> float:
    """Seconds of the shortest of several runs; none is begun after `longest` seconds, once two were timed."""
    seconds: List[float] = []
    begun = time.monotonic()
    while True:
        started = time.monotonic()
        if len(seconds) >= _UNTIMED + _TIMED and started - begun > _SHORTEST_S:
            break
        if len(seconds) >= _FEWEST and started - begun > longest:
            break
        seconds.append(measure(lambda: backend.finish(backend.launch(batch))))
    return min(seconds[_UNTIMED:])
