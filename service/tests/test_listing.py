"""What `hotpath models` lists beside each other."""

from __future__ import annotations

from typing import Any, Dict

from hotpath.listing import _merge


def row(name: str, version: str) -> Dict[str, Any]:
    """As much of a row as the order needs."""
    return {"name": name, "version": version, "backend": "numeric"}


def test_what_runs_and_what_a_reload_would_bring_in_stand_in_the_configurations_order() -> None:
    configured = [row("b", "2"), row("a", "1")]
    assert _merge(configured, [row("a", "1"), row("b", "1")]) == [row("b", "1"), row("b", "2"), row("a", "1")]


def test_a_model_that_runs_and_is_configured_no_longer_comes_last() -> None:
    assert _merge([row("a", "1")], [row("gone", "1"), row("a", "1")]) == [row("a", "1"), row("gone", "1")]
