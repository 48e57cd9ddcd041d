"""Runs every batch size before the first request does, and measures how long each takes."""

from __future__ import annotations

import time
from typing import Dict, List

from hotpath.engine.backend import Backend
from hotpath.metrics.layout import buckets_up_to
from hotpath.tasks.task import Item

_UNTIMED = 2
"""Runs before the clock counts: TorchScript's profiler and lazy set-up take the first two of each shape."""
_TIMED = 5
_SHORTEST_S = 0.03
"""Of one size, at least so long is spent: a few batches of 0.1 ms could all be disturbed."""
_LONGEST_S = 1.0
"""Of one size, after so long no further run is begun, once two were timed."""


def warm(backend: Backend, example: Item, max_batch: int) -> Dict[int, float]:
    """Seconds of a batch for each bucket; the largest first, so that buffers are allocated once.

    The shortest of several runs counts: what else the machine does can only make one longer, and a table with
    such flaws would choose the wrong sizes. That batches are slower under load is the pace's to learn.
    """
    table: Dict[int, float] = {}
    for size in reversed(buckets_up_to(max_batch)):
        seconds: List[float] = []
        begun = time.monotonic()
        while True:
            started = time.monotonic()
            if len(seconds) >= _UNTIMED + _TIMED and started - begun > _SHORTEST_S:
                break
            if len(seconds) >= _UNTIMED + 2 and started - begun > _LONGEST_S:
                break
            backend.finish(backend.launch([example] * size))
            seconds.append(time.monotonic() - started)
        # Whatever the clock says, fewer items don't take longer than more.
        table[size] = min(*seconds[_UNTIMED:], *table.values())
    return dict(sorted(table.items()))
