"""Who decodes what, as pure functions of what all workers can see of each other.

What waits at a worker is offered to all. A free one takes the most urgent: of its own, of what its memory
node's workers offer, and of what others offer only where those have nothing.
"""

from __future__ import annotations

from typing import NamedTuple, Optional, Sequence

Node = Optional[int]
"""A worker's memory node, where that is known."""


class OnOffer(NamedTuple):
    """What waits to be decoded by whoever is free first."""

    tray: int
    """Where it lies."""
    deadline: float
    """On the monotonic clock."""
    node: Node
    """Of the worker that offers it."""


def next_up(own: Optional[float], offers: Sequence[OnOffer], node: Node) -> Optional[OnOffer]:
    """What of the offers a free worker takes; None where its own comes first, or there is nothing.

    `own` is the earliest deadline at itself, if anything waits there.
    """
    near = [offer for offer in offers if offer.node == node]
    if not near and own is not None:
        return None
    first = min(near or offers, key=lambda offer: offer.deadline, default=None)
    return None if first is None or (own is not None and own <= first.deadline) else first


def to_wake(free: Sequence[int], nodes: Sequence[Node], me: int, count: int) -> Sequence[int]:
    """Up to so many of the `free` workers to be told of an offer by worker `me`, those on its node first.

    Among these it is not always the same one that comes first.
    """
    others = [worker for worker in free if worker != me]
    others.sort(key=lambda worker: (nodes[worker] != nodes[me], (worker - me) % len(nodes)))
    return others[:count]
