"""What an engine does next, and whom it lets in: pure functions of the clock, the queue and the device.

While the device works, requests queue up; the moment it is free, the most urgent go together. So a lone
request never waits for others, and batches grow by themselves under load. Only where the device shares its
processors with those who make items ready, and all are busy with that, a batch may gather (`gathering`). A
second batch is handed to the device when it is full or when the first is about to end, so that the device
never waits for us and no batch is closed before it must be.

Where items have lengths, a batch is as long as its longest item, and who goes together is weighed by the
table of costs: the queue is split into the batches that all are done soonest in (`mixing`), and the one that
holds the most urgent is run. So a short text never pays for a long one unless that is sooner for all, and who
waits only ever waits for batches that somebody more urgent is in.

Nobody is run late, and nobody is let in who would be, or who would make one late that was let in before: as
long as batches take what the table of costs says, whoever is let in is answered by their deadline.
"""

from __future__ import annotations

from typing import Iterator, NamedTuple, Optional, Sequence, Tuple, Union

from hotpath.scheduler.costs import Costs
from hotpath.scheduler.entries import FIRST, LAST, Entry
from hotpath.scheduler.gathering import NOTHING, Coming, gathers_until

DEPTH = 2
"""The most batches in flight: one that runs, one that is ready to follow."""

LEAD_S = 0.001
"""How long before the device is done the next batch is closed: what handing it over takes."""


class Device(NamedTuple):
    """What the device is at."""

    costs: Costs
    ends: Tuple[float, ...] = ()
    """When each batch in flight will be done, as the costs say."""
    grouped: bool = False
    """Whether a group is in flight, beside which nothing may run."""

    def free_at(self, now: float) -> float:
        """When a batch that is handed over now would start."""
        return max((now, *self.ends))


class Shed(NamedTuple):
    """These can't be done in time any more: answer so and never run them."""

    entries: Tuple[Entry, ...]


class Dispatch(NamedTuple):
    """Run these as one batch now."""

    entries: Tuple[Entry, ...]


class Sleep(NamedTuple):
    """Nothing to do before `until` (None: before something arrives or finishes)."""

    until: Optional[float]


Action = Union[Shed, Dispatch, Sleep]


def decide(now: float, queue: Sequence[Entry], device: Device, coming: Coming = NOTHING) -> Action:
    """The next action of an engine. `queue` holds the requests that wait, by rank."""
    if not queue:
        return Sleep(None)
    start, lone = device.free_at(now), device.costs.lone
    next_look = device.costs.latest(queue)
    if next_look <= start:
        hopeless = tuple(e for e in queue if e.deadline < start + lone[e.place] or e.deadline <= now)
        if hopeless:
            return Shed(hopeless)
    if device.ends:
        if device.grouped or queue[0].group or len(device.ends) >= DEPTH:
            return Sleep(next_look)
        closing = start - LEAD_S
        if now < closing and not device.costs.is_full(queue):
            return Sleep(min(next_look, closing))
    elif coming.items:
        begins = gathers_until(now, queue, device.costs, coming)
        if begins > now:
            return Sleep(begins)
    return Dispatch(next_batch(start, queue, device.costs))


def next_batch(start: float, queue: Sequence[Entry], costs: Costs) -> Tuple[Entry, ...]:
    """Who goes together from `start`: a group, or those with the most urgent that all are done soonest with.

    Where one of them is in such a hurry that this batch is not in time for it, as many of the most urgent
    (of the first one's length, where longer ones cost) as are in time, if any are.
    """
    first = queue[0]
    if first.group:
        return tuple(entry for entry in queue[: costs.most] if entry.group == first.group)
    batch = costs.next_of(queue)
    if _late(start, batch, costs):
        own = batch if costs.packs else [entry for entry in batch if entry.place == first.place]
        smaller = (own[:size] for size in range(len(own), 0, -1))
        batch = next((fewer for fewer in smaller if not _late(start, fewer, costs)), batch)
    return tuple(batch)


def admits(now: float, queue: Sequence[Entry], entry: Entry, device: Device) -> bool:
    """Whether `entry`, the one of `queue` that has just come, is to stay.

    It is when it and everybody else in the queue will be done in time, and its own wait leaves the part of
    its time that its priority must leave to more urgent ones.
    """
    start, costs = device.free_at(now), device.costs
    left, lone = entry.deadline - now, costs.lone[entry.place]
    everybody = start + costs.clear_quickly(queue)
    if (
        not queue[0].group
        and everybody <= min([other.deadline for other in queue])
        and worth_a_try(everybody - lone - now, lone, left, entry.priority)
    ):
        return True  # in whatever order they go
    for batch, begins, ends in forecast(start, queue, costs):
        if any(other.deadline < ends for other in batch):
            return False
        if entry in batch and not worth_a_try(begins - now, lone, left, entry.priority):
            return False
    return True


def worth_a_try(wait: float, lone: float, left: float, priority: int) -> bool:
    """Whether a request with `left` seconds to its deadline may wait for `wait` of them.

    `lone` is what it takes once it runs. Priority 1 may wait until the last moment, 9 for a fifth of its
    time: so under overload the less urgent are turned away first, and room is left for the others.
    """
    slack = left - lone
    return slack >= 0.0 and wait <= slack * (1.0 - 0.8 * (priority - FIRST) / (LAST - FIRST))


def forecast(
    start: float, queue: Sequence[Entry], costs: Costs
) -> Iterator[Tuple[Tuple[Entry, ...], float, float]]:
    """The batches that the queue will go in if nothing else comes: who, from when, until when."""
    while queue:
        batch = next_batch(start, queue, costs)
        end = start + costs.seconds(batch)
        yield batch, start, end
        queue, start = without(queue, batch), end


def without(queue: Sequence[Entry], batch: Sequence[Entry]) -> Sequence[Entry]:
    """Who is left; where all have one length, a batch is the head of the queue."""
    if queue[len(batch) - 1] is batch[-1]:
        return queue[len(batch) :]
    gone = {entry.key for entry in batch}
    return [entry for entry in queue if entry.key not in gone]


def _late(start: float, batch: Sequence[Entry], costs: Costs) -> bool:
    return min([entry.deadline for entry in batch]) < start + costs.seconds(batch)
