"""How a host gets back to what it keeps, and what it tells of that."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from deployment_kept import kept, linked, running
from way_back import way_back

TEXT = "deployment=abc\nrelease=0.2.0-b\nmodels=colours/3-c wear/1-w\n"


def host(**changes: Any) -> dict[str, Any]:
    """One that serves two models by its newest release."""
    stands = {"release": "0.2.0-b", "models": {"colours": "3-c", "wear": "1-w"}}
    found = {
        "releases": ["0.2.0-b", "0.1.0-a"],
        "models": {"colours": ["3-c", "2-b"], "wear": ["1-w"]},
        "linked": stands,
        "running": stands,
        "state": "active",
    }
    return {**found, **changes}


def test_another_release_is_a_restart_and_a_model_is_none() -> None:
    release = way_back(host(), release="0.1.0-a")
    assert (release["needed"], release["restart"], release["missing"]) == (True, True, [])
    assert release["links"][0] == {"path": "/opt/hotpath/current", "target": "releases/0.1.0-a"}
    assert release["links"][1:] == release["before"][1:]
    assert release["text"] == "deployment=rollback\nrelease=0.1.0-a\nmodels=colours/3-c wear/1-w\n"

    model = way_back(host(), models="colours/2-b")
    assert (model["needed"], model["restart"], model["missing"]) == (True, False, [])
    assert model["links"][1] == {"path": "/var/lib/hotpath/models/colours/current", "target": "2-b"}
    assert model["links"][2] == {"path": "/var/lib/hotpath/models/wear/current", "target": "1-w"}


def test_what_runs_already_needs_nothing() -> None:
    assert not way_back(host(), release="0.2.0-b", models="colours/3-c, wear/1-w")["needed"]


@pytest.mark.parametrize(
    ("changes", "restart"),
    [
        ({"state": "failed", "running": {"release": "", "models": {}}}, True),
        # Killed after the links, before the start.
        ({"running": {"release": "0.1.0-a", "models": {"colours": "3-c", "wear": "1-w"}}}, True),
        ({"running": {"release": "0.2.0-b", "models": {"colours": "2-b", "wear": "1-w"}}}, False),
        ({"linked": {"release": "0.1.0-a", "models": {"colours": "3-c", "wear": "1-w"}}}, False),
    ],
)
def test_what_a_killed_run_left_is_finished(changes: dict[str, Any], restart: bool) -> None:
    way = way_back(host(**changes), release="0.2.0-b")
    assert (way["needed"], way["restart"]) == (True, restart)


def test_what_is_not_kept_is_named() -> None:
    way = way_back(host(), release="0.0.1-z", models="colours/7,strange/1")
    assert way["missing"] == ["release 0.0.1-z", "model colours/7", "model strange/1"]
    with pytest.raises(AnsibleFilterError, match=r"go back: .*0\.2\.0-b, 0\.1\.0-a; .*colours/3-c, colours/2-b"):
        way_back(host())
    with pytest.raises(AnsibleFilterError, match="NAME/VERSION with commas between, not 'colours'"):
        way_back(host(), models="colours")


def test_only_what_was_finished_is_kept_and_the_newest_comes_first(tmp_path: Path) -> None:
    for age, name in enumerate(["new", "old", "half"]):
        (tmp_path / "releases" / name).mkdir(parents=True)
        if name != "half":
            (tmp_path / "releases" / name / ".complete").write_text("")
            os.utime(tmp_path / "releases" / name / ".complete", (1000 - age, 1000 - age))
    (tmp_path / "current").symlink_to("releases/old")
    assert kept(str(tmp_path / "releases"), ".complete") == ["new", "old"]
    assert kept(str(tmp_path / "none"), ".complete") == []
    assert linked(str(tmp_path), str(tmp_path / "models"), ["a"]) == {"release": "old", "models": {"a": ""}}


def test_what_runs_is_read_from_the_units_file() -> None:
    assert running(TEXT) == {"release": "0.2.0-b", "models": {"colours": "3-c", "wear": "1-w"}}
    assert running("") == {"release": "", "models": {}}
