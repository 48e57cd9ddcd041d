"""What waiting is unavoidable when requests arrive at random: the bound for an open loop's tail."""

from __future__ import annotations

import heapq
import random
from typing import List


def waits(rate: float, seconds: float, servers: int, requests: int = 200_000) -> List[float]:
    """Seconds that each of so many requests waits, sorted.

    They arrive by a Poisson process of `rate` a second, stand in one queue, and each keeps one of the
    `servers` busy for exactly `seconds` (M/D/c). No machine that needs so much processor time for a request,
    on so many CPUs, does better in the order of arrival.
    """
    chance = random.Random(0)
    free = [0.0] * servers
    now, found = 0.0, []
    for _ in range(requests):
        now += chance.expovariate(rate)
        start = max(now, heapq.heappop(free))
        found.append(start - now)
        heapq.heappush(free, start + seconds)
    return sorted(found)


def percentile(values: List[float], part: float) -> float:
    """Of sorted values."""
    return values[min(len(values) - 1, int(part * len(values)))]
