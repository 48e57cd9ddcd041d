"""What the supervisor tells the workers about models: which generation of each is on offer, and for how much.

A generation is one version of one model, loaded once by engines of its own. Two of a model may stand side by
side, in the two lanes that the supervisor made for it: one that answers, and one that comes or goes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, Dict, FrozenSet, Optional, Tuple

LANES = 2
"""Generations of one model that may exist at a time."""

MAX_BYTES = 65_536
"""No message of this link is longer; receivers read this much."""


class State(str, Enum):
    """Where a generation stands."""

    LOADING = "loading"
    SHADOW = "shadow"
    """It answers copies of requests, and is compared with the live one."""
    CANARY = "canary"
    """It answers a share of the requests."""
    LIVE = "live"
    DRAINING = "draining"
    """It takes nothing new and finishes what it has."""


@dataclass(frozen=True)
class Offer:
    """One generation, as workers see it."""

    generation: int
    model: str
    version: str
    path: str
    backend: str
    lane: int
    """Counts through the lanes of all models; metrics by version are kept by lane."""
    seats: Tuple[int, ...]
    """Which links lead to its engines."""
    devices: Tuple[str, ...]
    """The device of each seat."""
    state: State
    share: float
    """The part of the model's requests that it answers, 0 to 1."""
    shadow: float = 0.0
    """The part of the live generation's requests of which it gets a copy, 0 to 1."""
    last_swap: str = ""
    """How the last swap of the model ended; empty before the first."""


@dataclass(frozen=True)
class Comparison:
    """Another service that answers copies of requests, for its answers to be compared."""

    host: str
    port: int
    part: float
    """Of the requests to /predict that are answered, 0 to 1."""
    until: float
    """On the host's monotonic clock: it ends by itself, whatever becomes of who began it."""


@dataclass(frozen=True)
class Offers:
    """All generations; the first model is the default one. A higher number replaces a lower one."""

    number: int
    offers: Tuple[Offer, ...]
    comparison: Optional[Comparison] = None

    def encode(self) -> bytes:
        """As bytes for the link."""
        return json.dumps(asdict(self)).encode()

    @property
    def seats(self) -> FrozenSet[int]:
        """Every seat that is taken."""
        return frozenset(seat for offer in self.offers for seat in offer.seats)

    @classmethod
    def decode(cls, data: bytes) -> Offers:
        """What `encode` made."""
        document: Dict[str, Any] = json.loads(data)
        offers = []
        for item in document["offers"]:
            item.update(
                seats=tuple(item["seats"]), devices=tuple(item["devices"]), state=State(item["state"])
            )
            offers.append(Offer(**item))
        comparison = document["comparison"]
        return cls(document["number"], tuple(offers), Comparison(**comparison) if comparison else None)


@dataclass(frozen=True)
class Report:
    """A worker's answer: which offers it follows, and which draining generations it still needs."""

    worker: int
    number: int
    held: Tuple[int, ...] = ()
    failed: str = ""
    """Why it can't follow them."""

    def encode(self) -> bytes:
        """As bytes for the link."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> Report:
        """What `encode` made."""
        document: Dict[str, Any] = json.loads(data)
        document["held"] = tuple(document["held"])
        return cls(**document)
