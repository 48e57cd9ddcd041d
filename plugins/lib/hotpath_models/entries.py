"""The inventory's list of models, entry by entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

DEFAULT_SOURCE = "efficientnet_lite0"
"""What a host serves that names nothing: the model that goes with the service."""


@dataclass(frozen=True)
class Entry:
    """One model as the inventory asks for it; empty values and zeros leave the choice to the role or the service."""

    source: str
    name: str = ""
    backend: str = ""
    precision: str = ""
    devices: tuple[str, ...] = ()
    engines: int = 0
    threads: int = 0
    places: int = 0

    @property
    def title(self) -> str:
        """How messages call it."""
        return self.name or self.source


def parse(entries: Iterable[Mapping[str, Any]]) -> list[Entry]:
    """Entries that have passed the role's argument specification."""
    known = {field.name: field.type for field in fields(Entry)}
    made = []
    for entry in entries:
        given = {key: value for key, value in entry.items() if key in known and value is not None}
        given["devices"] = tuple(str(device) for device in given.get("devices") or ())
        numbers = {key: int(given.get(key) or 0) for key in ("engines", "threads", "places")}
        words = {key: str(given.get(key) or "") for key in ("source", "name", "backend", "precision")}
        made.append(Entry(devices=given["devices"], **words, **numbers))
    return made
