"""Which generations of which models there are, in which lanes and on which seats. Pure bookkeeping.

A seat is a place for one engine: a link to every worker and a row of metrics, made before the first fork.
Each model has two lanes of seats, one seat for each of its engines; so a second generation finds everything
ready and no worker has to be started again for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, List, Optional, Sequence, Tuple

from hotpath.config import Config, ModelConfig
from hotpath.core import EngineSpec, HotpathError
from hotpath.ipc.offers import LANES, Comparison, Offer, Offers, State
from hotpath.models.built import BuiltModel
from hotpath.supervisor.placement import Placement, engine_spec, seat_devices


class Busy(HotpathError):
    """Another version of the model is still on its way in or out."""


@dataclass
class Generation:
    """One version of one model, loaded once."""

    number: int
    model: BuiltModel
    entry: ModelConfig
    lane: int
    specs: Tuple[EngineSpec, ...]
    state: State
    share: float = 0.0
    shadow: float = 0.0

    @property
    def name(self) -> str:
        """Of the model."""
        return self.model.identity.name

    @property
    def version(self) -> str:
        """Of the model."""
        return self.model.identity.version

    @property
    def seats(self) -> Tuple[int, ...]:
        """Where its engines sit."""
        return tuple(spec.index for spec in self.specs)

    def offer(self, last_swap: str) -> Offer:
        """What workers are told."""
        return Offer(
            generation=self.number,
            model=self.name,
            version=self.version,
            path=str(self.model.directory),
            backend=self.entry.backend,
            lane=self.lane,
            seats=self.seats,
            devices=tuple(spec.device for spec in self.specs),
            state=self.state,
            share=self.share,
            shadow=self.shadow,
            last_swap=last_swap,
        )


class Generations:
    """All of them."""

    def __init__(self, config: Config, models: Sequence[BuiltModel], placement: Placement) -> None:
        self._config = config
        self._placement = placement
        self._names = [entry.name for entry in config.models]
        self._devices = {entry.name: seat_devices(config, placement, entry) for entry in config.models}
        self._numbers = 0
        self._offers = 0
        self.all: List[Generation] = []
        self.last_swaps: Dict[str, str] = {}
        """How the last swap of each model ended."""
        self.comparison: Optional[Comparison] = None
        """Which other service answers copies of requests."""
        for entry, model in zip(config.models, models):
            generation = self._add(entry, model)
            generation.state, generation.share = State.LIVE, 1.0

    @property
    def names(self) -> Sequence[str]:
        """The models, in the order of the configuration."""
        return self._names

    @property
    def seats(self) -> int:
        """Seats of all lanes together."""
        return LANES * sum(map(len, self._devices.values()))

    def seat_labels(self) -> List[str]:
        """A short name for each seat, unique, for logs and metrics."""
        devices = [device for devices in self._devices.values() for device in devices]
        return [f"{seat}/{devices[seat % len(devices)]}" for seat in range(self.seats)]

    def of(self, name: str) -> List[Generation]:
        """The generations of a model. Raises HotpathError where it is not configured."""
        if name not in self._names:
            raise HotpathError(
                f"There is no model {name!r} in this service.",
                f"Use one of: {', '.join(self._names)}; a new one needs a [[models]] table and a restart.",
            )
        return [generation for generation in self.all if generation.name == name]

    def live(self, name: str) -> Generation:
        """The one that answers. Raises HotpathError where the model is not configured."""
        return next(item for item in self.of(name) if item.state is State.LIVE)

    def candidate(self, name: str) -> Optional[Generation]:
        """The one that may follow it. Raises HotpathError where the model is not configured."""
        coming = (State.LOADING, State.SHADOW, State.CANARY)
        return next((item for item in self.of(name) if item.state in coming), None)

    def at(self, seat: int) -> Optional[Tuple[Generation, EngineSpec]]:
        """Who sits there."""
        for generation in self.all:
            for spec in generation.specs:
                if spec.index == seat:
                    return generation, spec
        return None

    def begin(self, entry: ModelConfig, model: BuiltModel) -> Generation:
        """Give a new version the free lane of its model. Raises Busy."""
        others = self.of(entry.name)
        if len(others) >= LANES:
            other = next(item for item in others if item.state is not State.LIVE)
            raise Busy(
                f"Version {other.version} of {entry.name} is still {other.state.value}.",
                "Wait until it is gone; end a canary with --promote or --abort.",
            )
        generation = self._add(entry, model)
        generation.specs = tuple(replace(spec, prove=True) for spec in generation.specs)
        return generation

    def promote(self, generation: Generation) -> Generation:
        """It answers everything from now on; the one that did so until now, which drains."""
        before = self.live(generation.name)
        self.retire(before)
        generation.state, generation.share, generation.shadow = State.LIVE, 1.0, 0.0
        return before

    def lead(self, generation: Generation, share: float) -> None:
        """It answers `share` of the requests, 0 to 1, and the live one the rest."""
        generation.state, generation.share, generation.shadow = State.CANARY, share, 0.0
        self.live(generation.name).share = 1.0 - share

    def retire(self, generation: Generation) -> None:
        """It takes nothing new. What it answered goes back to the live one."""
        was_live = generation.state is State.LIVE
        generation.state, generation.share, generation.shadow = State.DRAINING, 0.0, 0.0
        if not was_live:
            self.live(generation.name).share = 1.0

    def remove(self, generation: Generation) -> None:
        """Its lane is free."""
        self.all.remove(generation)

    def publish(self) -> Offers:
        """The next offers: newer than all before."""
        self._offers += 1
        return self.current()

    def current(self) -> Offers:
        """The offers as they stand, in the order of the configuration."""
        order: Dict[str, int] = {name: index for index, name in enumerate(self._names)}
        every = sorted(self.all, key=lambda item: (order[item.name], item.number))
        offers = tuple(item.offer(self.last_swaps.get(item.name, "")) for item in every)
        return Offers(self._offers, offers, self.comparison)

    def _add(self, entry: ModelConfig, model: BuiltModel) -> Generation:
        index = self._names.index(entry.name)
        taken = {item.lane for item in self.all}
        turn = next(turn for turn in range(LANES) if index * LANES + turn not in taken)
        before = sum(len(self._devices[name]) for name in self._names[:index])
        first = turn * self.seats // LANES + before
        specs = tuple(
            engine_spec(self._config, self._placement, entry, model.directory, device, first + offset)
            for offset, device in enumerate(self._devices[entry.name])
        )
        self._numbers += 1
        generation = Generation(self._numbers, model, entry, index * LANES + turn, specs, State.LOADING)
        self.all.append(generation)
        return generation
