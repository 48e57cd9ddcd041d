"""What a changed configuration asks of a running service."""

from __future__ import annotations

from typing import Callable, List

from hotpath.config import Config, ModelConfig
from hotpath.supervisor.generations import Generation


def changed_models(config: Config, live: Callable[[str], Generation]) -> List[ModelConfig]:
    """The models whose version or back end is not the live one; `live` gives a model's by its name."""
    return [entry for entry in config.models if _differs(entry, live(entry.name))]


def beyond_models(before: Config, after: Config) -> List[str]:
    """Settings that differ and that a running service can't take over."""
    old, new = before.model_dump(), after.model_dump()
    for document in (old, new):
        document["models"] = {
            entry["name"]: {key: value for key, value in entry.items() if key not in ("path", "backend")}
            for entry in document["models"]
        }
    return [
        f"{section}.{key}"
        for section in old
        for key in {**old[section], **new[section]}
        if old[section].get(key) != new[section].get(key)
    ]


def _differs(entry: ModelConfig, live: Generation) -> bool:
    return (entry.path.resolve(), entry.backend) != (live.model.directory, live.entry.backend)
