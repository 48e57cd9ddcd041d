"""The inventory's list of models, entry by entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
    return [
        Entry(
            source=str(entry["source"]),
            name=str(entry.get("name") or ""),
            backend=str(entry.get("backend") or ""),
            precision=str(entry.get("precision") or ""),
            devices=tuple(str(device) for device in entry.get("devices") or ()),
            engines=int(entry.get("engines") or 0),
            threads=int(entry.get("threads") or 0),
            places=int(entry.get("places") or 0),
        )
        for entry in entries
    ]
