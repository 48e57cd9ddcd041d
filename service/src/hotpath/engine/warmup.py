"""Runs every batch size before the first request does, and measures how long each takes."""

from __future__ import annotations

import statistics
import time
from typing import Dict, Tuple

import numpy

from hotpath.engine.backend import Backend
from hotpath.metrics.layout import buckets_up_to

_UNTIMED = 2
"""Runs before the clock counts: TorchScript's profiler and lazy set-up take the first two of each shape."""
_TIMED = 3


def warm(backend: Backend, shape: Tuple[int, int, int], max_batch: int) -> Dict[int, float]:
    """Median seconds of a batch for each bucket; the largest first, so that buffers are allocated once."""
    image = numpy.random.default_rng(0).integers(0, 256, shape, dtype=numpy.uint8)
    table: Dict[int, float] = {}
    for size in reversed(buckets_up_to(max_batch)):
        seconds = []
        for _ in range(_UNTIMED + _TIMED):
            started = time.monotonic()
            backend.finish(backend.launch([image] * size))
            seconds.append(time.monotonic() - started)
        table[size] = statistics.median(seconds[_UNTIMED:])
    return dict(sorted(table.items()))
