"""Which version of which model answers a request, in one worker."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Tuple

from hotpath.core import slot_bytes
from hotpath.http.errors import Problem
from hotpath.ipc.offers import Offer, Offers, State
from hotpath.models.built import BuiltModel, load
from hotpath.tasks import known

TAKING = (State.LIVE, State.CANARY)
"""What takes new requests."""


class Served:
    """One generation on offer, and its task. A request keeps the one it began with."""

    def __init__(self, offer: Offer, model: BuiltModel) -> None:
        self.offer = offer
        self.model = model
        self.task = known.task(model)
        self.slot_bytes = slot_bytes(self.task.inputs)
        self.holders = 0
        """Requests that are at work with it."""

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """While a request is at work with it, its engines stay."""
        self.holders += 1
        try:
            yield
        finally:
            self.holders -= 1


def read_model(offer: Offer) -> BuiltModel:
    """The description of an offered model; its files were hashed before it was offered. Raises ModelError."""
    return load(Path(offer.path), verify=False)


class Catalogue:
    """All generations on offer. Belongs to the worker's event loop."""

    def __init__(
        self,
        offers: Offers,
        ready: Callable[[Tuple[int, ...]], bool],
        read: Callable[[Offer], BuiltModel] = read_model,
    ) -> None:
        self._ready = ready
        self._read = read
        self._debts: Dict[int, float] = {}
        self.number = -1
        self.served: Dict[int, Served] = {}
        self.names: List[str] = []
        """The models, the default one first."""
        self._versions: Dict[str, List[Served]] = {}
        self.apply(offers)

    def apply(self, offers: Offers) -> None:
        """Follow newer offers; older ones are passed over. Raises ModelError and then changes nothing."""
        if offers.number <= self.number:
            return
        served: Dict[int, Served] = {}
        for offer in offers.offers:
            known = self.served.get(offer.generation)
            if known is None and offer.state is State.DRAINING:
                continue  # refused before this worker knew it
            served[offer.generation] = known or Served(offer, self._read(offer))
        for offer in offers.offers:
            if offer.generation in served:
                served[offer.generation].offer = offer
        self.served, self.number = served, offers.number
        self.names = list(dict.fromkeys(offer.model for offer in offers.offers))
        self._versions = {name: self._list_versions(name) for name in self.names}
        self._debts = {generation: debt for generation, debt in self._debts.items() if generation in served}

    def versions(self, name: str) -> List[Served]:
        """What of a model takes requests, the live version first. Raises Problem."""
        mine = self._versions.get(name)
        if mine is None:
            known = ", ".join(sorted(self.names))
            raise Problem(404, "unknown_model", f"There is no model {name!r}.", f"Ask for one of: {known}.")
        return mine

    def _list_versions(self, name: str) -> List[Served]:
        mine = [
            served
            for served in self.served.values()
            if served.offer.model == name and served.offer.state in TAKING
        ]
        return sorted(mine, key=lambda served: served.offer.state is not State.LIVE)

    def find(self, name: str, version: Optional[str] = None) -> Served:
        """The live version of a model, or the named one. Raises Problem."""
        versions = self.versions(name)
        if version is None:
            return versions[0]
        for served in versions:
            if served.offer.version == version:
                return served
        known = ", ".join(repr(served.offer.version) for served in versions)
        raise Problem(
            404,
            "unknown_version",
            f"There is no version {version!r} of the model {name!r}.",
            f"Ask for {known}, or leave the version out.",
        )

    def choose(self, name: str, version: Optional[str] = None) -> Served:
        """What answers the next request for a model: the named version, or one by the shares. Raises Problem.

        One without a warm engine is passed over while there is another. Each version runs up a debt of its
        share with each request, and the one that is owed most is chosen: of any n requests in a row a version
        gets its share of n, give or take one.
        """
        if version is not None:
            return self.find(name, version)
        versions = self.versions(name)
        if len(versions) > 1:
            versions = [served for served in versions if self._ready(served.offer.seats)] or versions[:1]
        if len(versions) == 1:
            return versions[0]
        for served in versions:
            generation = served.offer.generation
            self._debts[generation] = self._debts.get(generation, 0.0) + served.offer.share
        chosen = max(versions, key=lambda served: self._debts[served.offer.generation])
        self._debts[chosen.offer.generation] -= 1.0
        return chosen

    def again(self, served: Served, version: Optional[str] = None) -> Served:
        """What was chosen at a request's head, once its body is in; another where it takes none any more.

        Nothing is kept for a body on its way, for that can take minutes. Raises what `choose` raises.
        """
        offer = served.offer
        if self.served.get(offer.generation) is served and offer.state in TAKING:
            return served
        return self.choose(offer.model, version)

    def shadow_of(self, served: Served) -> Optional[Served]:
        """The generation that gets a copy of this request of a live one, by its part; mostly None."""
        if served.offer.state is not State.LIVE:
            return None
        for other in self.served.values():
            if other.offer.model == served.offer.model and other.offer.state is State.SHADOW:
                debt = self._debts.get(other.offer.generation, 0.0) + other.offer.shadow
                self._debts[other.offer.generation] = debt - 1.0 if debt >= 1.0 else debt
                return other if debt >= 1.0 else None
        return None

    def held(self, busy: Callable[[Tuple[int, ...]], bool]) -> Tuple[int, ...]:
        """Draining generations that are still needed; `busy` tells whether seats have open requests."""
        return tuple(
            generation
            for generation, served in self.served.items()
            if served.offer.state is State.DRAINING and (served.holders > 0 or busy(served.offer.seats))
        )
