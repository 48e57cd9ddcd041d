"""Places in the service when several models share them: a flood of one leaves room for the others."""

from __future__ import annotations

from typing import Dict, Mapping

from hotpath.config import Config


def kept_places(config: Config) -> Dict[str, int]:
    """How many places every model finds, whatever the others do: as stated, or a part of half the rest."""
    rest = config.limits.queue - sum(model.places for model in config.models)
    unstated = sum(model.places == 0 for model in config.models)
    equal = rest // (2 * unstated) if unstated and len(config.models) > 1 else 0
    return {model.name: model.places or equal for model in config.models}


def most_items(config: Config) -> Dict[str, int]:
    """How many items one request for a model may bring: what can be let in while nobody else is there."""
    kept = kept_places(config)
    free = {name: config.limits.queue - sum(kept.values()) + mine for name, mine in kept.items()}
    return {name: max(1, min(config.batching.max_batch, most)) for name, most in free.items()}


def open_places(model: str, free: int, inside: Mapping[str, int], kept: Mapping[str, int]) -> int:
    """How many of the `free` places `model` may take: those that no other model has yet to be left.

    `inside` is how many places each model holds.
    """
    owed = sum(max(0, kept[other] - inside[other]) for other in kept if other != model)
    return free - owed
