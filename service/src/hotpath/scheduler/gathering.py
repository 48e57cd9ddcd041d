"""Whether a device that is idle lets a batch gather, because its processors are not.

An engine that computes on the processors that items are made ready on takes one from that work. So of n that
wait and m that are being made ready there, the n could be answered sooner than with the next one only if the
m and it wait for what a batch costs by itself. Let `gap` be the time until the next one comes, `longer` what
it adds to the batch and `saved` what it would cost alone beyond that. To wait for it costs n * (gap + longer)
seconds, summed over those who wait, and saves m * saved. Where clients ask again when they have their answer,
what makes that sum small is also what answers most.

A lone request has nobody to wait for. Where a processor has nothing else to do there is nothing to save, and
three requests on two processors go one by one: of two that wait for the third one processor would be idle.
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

from hotpath.scheduler.costs import Costs
from hotpath.scheduler.entries import Entry

PATIENCE = 4.0
"""Who does not come within so many usual gaps is not waited for."""


class Coming(NamedTuple):
    """What is being made ready on the device's own processors; nothing, while these can be at all of it."""

    items: int = 0
    gap: float = 0.0
    """Seconds between two of them."""
    newest: float = 0.0
    """When the last one came."""


NOTHING = Coming()


def gathers_until(now: float, queue: Sequence[Entry], costs: Costs, coming: Coming) -> float:
    """When a batch of `queue` (at least 1) begins at the latest, if nothing happens before; `now`: at once.

    Everybody who would be in time now will be so then.
    """
    if not coming.items or queue[0].group or costs.is_full(queue):
        return now
    longer, saved = costs.next_one(len(queue))
    if len(queue) * (coming.gap + longer) >= coming.items * saved:
        return now
    in_time = min([entry.deadline for entry in queue]) - costs.clear(queue)
    return max(now, min(in_time, coming.newest + PATIENCE * coming.gap))
