"""What of a changed configuration a running service takes over."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, cast

import pytest

from hotpath.config import Config
from hotpath.supervisor.generations import Generation
from hotpath.supervisor.reloading import beyond_models, changed_models


def config(**sections: Dict[str, Any]) -> Config:
    """Two models, and what else is stated."""
    models = sections.pop("models", {})
    entries = [{"name": name, "path": f"/models/{name}/1", **models.get(name, {})} for name in ("a", "b")]
    return Config.model_validate({"models": entries, **sections})


class Live:
    """As much of a generation as the comparison looks at."""

    def __init__(self, entry: Any) -> None:
        self.entry = entry
        self.model = self
        self.directory = Path(entry.path)


def live(name: str) -> Generation:
    """What runs: as `config()` says."""
    return cast("Generation", Live(next(entry for entry in config().models if entry.name == name)))


def test_nothing_is_to_be_done_where_nothing_has_changed() -> None:
    assert changed_models(config(), live) == []
    assert beyond_models(config(), config()) == []


@pytest.mark.parametrize("change", [{"path": "/models/b/2"}, {"backend": "eager"}])
def test_another_version_or_back_end_is_taken_over(change: Dict[str, Any]) -> None:
    after = config(models={"b": change})
    assert [entry.name for entry in changed_models(after, live)] == ["b"]
    assert beyond_models(config(), after) == []


@pytest.mark.parametrize(
    ("sections", "named"),
    [
        ({"server": {"port": 9000}}, "server.port"),
        ({"limits": {"queue": 32}}, "limits.queue"),
        ({"models": {"b": {"threads": 3}}}, "models.b"),
    ],
)
def test_what_a_running_service_cannot_take_over_is_named(sections: Dict[str, Any], named: str) -> None:
    assert beyond_models(config(), config(**sections)) == [named]


def test_models_that_come_or_go_are_named() -> None:
    after = config()
    after.models.pop()
    assert beyond_models(config(), after) == ["models.b"]
