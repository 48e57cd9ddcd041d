"""deployment_state: what is complete, what runs, who listens, and what may go."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import deployment_state
import pytest
from ansible.module_utils.deployment_host import MARKER
from deployment_state import free_bytes, left_models, read_state, read_units, stale_archives, superfluous

SHOWN = """Id=hotpath.service
ActiveState=active
NeedDaemonReload=no

Id=hotpath.socket
ActiveState=inactive
UnitFileState=
"""


def make(directory: Path, name: str, age: int | None) -> Path:
    """A release of that age in seconds; without one, a half."""
    release = directory / name
    release.mkdir(parents=True)
    if age is not None:
        (release / MARKER).write_text("{}")
        os.utime(release / MARKER, (1_000_000 - age, 1_000_000 - age))
    return release


def record(root: Path, build: str, **values: str) -> None:
    (root / "builds").mkdir(exist_ok=True)
    (root / "builds" / f"{build}.json").write_text(json.dumps(values))


def wanted(root: Path, **changes: Any) -> dict[str, Any]:
    return {
        "root": str(root / "opt"),
        "models": str(root / "models"),
        "release": "new",
        "archives": [{"path": str(root / "opt/archives/a.tar"), "sha256": "aa"}],
        "builds": [
            {
                "name": "net",
                "archive": str(root / "opt/archives/m.tar"),
                "record": str(root / "builds/net-k.json"),
            }
        ],
        "records": str(root / "builds"),
        "files": [str(root / "config"), str(root / "none")],
        "port": 1,
        "keep": 3,
        **changes,
    }


def test_a_host_that_nothing_touched(tmp_path: Path) -> None:
    state = read_state(wanted(tmp_path), "")
    assert state["release_complete"] is False
    assert state["models"] == {} and state["links"] == {"release": "", "models": {"net": ""}}
    assert state["running"] == "" and state["texts"] == {} and state["superfluous"] == state["left"] == []
    assert state["free_bytes"]["root"] > 0


def test_a_deployed_host(tmp_path: Path) -> None:
    release = make(tmp_path / "opt" / "releases", "new", 0)
    (release / MARKER).write_text(json.dumps({"archives": ["aa"]}))
    python = release / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/bin/sh")
    (tmp_path / "opt" / "current").symlink_to("releases/new")
    built = tmp_path / "models" / "net" / "v1"
    built.mkdir(parents=True)
    (built / "model.json").write_text("{}")
    record(tmp_path, "net-k", name="net", version="v1", path=str(built))
    (tmp_path / "config").write_text("port = 1\n")

    state = read_state(wanted(tmp_path), SHOWN)
    assert state["release_complete"] is True
    assert state["models"]["net"]["version"] == "v1" and state["superfluous"] == state["left"] == []
    assert state["links"]["release"] == "releases/new"
    assert state["texts"] == {str(tmp_path / "config"): "port = 1\n"}
    assert state["units"]["socket"]["ActiveState"] == "inactive"

    python.unlink()  # as when the distribution's Python was removed
    assert read_state(wanted(tmp_path), SHOWN)["release_complete"] is False


def test_a_release_of_other_archives_is_not_the_wanted_one(tmp_path: Path) -> None:
    release = make(tmp_path / "opt" / "releases", "new", 0)
    (release / MARKER).write_text(json.dumps({"archives": ["bb"]}))
    assert read_state(wanted(tmp_path), SHOWN)["release_complete"] is False


def test_a_model_whose_directory_was_removed_is_not_built(tmp_path: Path) -> None:
    record(tmp_path, "net-k", name="net", version="v1", path=str(tmp_path / "gone"))
    assert read_state(wanted(tmp_path), SHOWN)["models"] == {}


def test_a_model_that_left_the_list_goes_with_its_records(tmp_path: Path) -> None:
    for name in ("net", "left", "by-hand"):
        (tmp_path / "models" / name / "v1").mkdir(parents=True)
    record(tmp_path, "net-k", name="net")
    record(tmp_path, "left-k", name="left")
    record(tmp_path, "left-old", name="left")
    record(tmp_path, "broken", name="../left")
    (tmp_path / "builds" / "no.json").write_text("{")
    gone = left_models(str(tmp_path / "models"), str(tmp_path / "builds"), ["net"])
    records = [str(tmp_path / "builds" / f"{name}.json") for name in ("left-k", "left-old")]
    assert gone == [str(tmp_path / "models" / "left"), *records]
    assert left_models(str(tmp_path / "none"), str(tmp_path / "none"), []) == []
    assert read_state(wanted(tmp_path), SHOWN)["left"] == gone


def test_the_newest_releases_and_the_needed_ones_stay(tmp_path: Path) -> None:
    for name, age in {"wanted": 0, "a": 1, "b": 2, "c": 3, "current": 9}.items():
        make(tmp_path, name, age)
    half = make(tmp_path, "half", None)
    (tmp_path / "link").symlink_to("a")
    (tmp_path / ".source").mkdir()
    gone = superfluous(str(tmp_path), MARKER, 3, ["wanted", "current"])
    assert gone == sorted(map(str, (half, tmp_path / "b", tmp_path / "c")))
    assert superfluous(str(tmp_path), MARKER, 1, ["wanted", "current"]) == sorted([*gone, str(tmp_path / "a")])
    assert superfluous(str(tmp_path / "none"), MARKER, 3, []) == []


def test_archives_of_earlier_deployments_may_go(tmp_path: Path) -> None:
    for name in ("a.tar", "m.tar", "old.tar"):
        (tmp_path / name).touch()
    assert stale_archives([str(tmp_path / "a.tar"), str(tmp_path / "m.tar")]) == [str(tmp_path / "old.tar")]


def test_units_are_read_block_by_block() -> None:
    units = read_units(SHOWN)
    assert units["hotpath.service"]["ActiveState"] == "active"
    assert units["hotpath.socket"]["UnitFileState"] == ""


def test_free_space_is_that_of_the_nearest_directory(tmp_path: Path) -> None:
    assert abs(free_bytes(str(tmp_path / "not" / "yet")) - free_bytes(str(tmp_path))) < 1 << 30


def test_the_holder_of_a_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert read_state(wanted(tmp_path, port=port), SHOWN)["listeners"] == []  # bound, but not listening
        taken.listen()
        (holder,) = read_state(wanted(tmp_path, port=port), SHOWN)["listeners"]
        assert holder["pid"] == os.getpid() and holder["process"]


def test_what_a_rollout_may_go_back_to_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many came after it, and whichever is current."""
    releases = tmp_path / "opt" / "releases"
    for age, name in enumerate(("new", "other", "earlier")):
        make(releases, name, age)
    (tmp_path / "opt" / "current").symlink_to("releases/new")
    before = read_state(wanted(tmp_path, keep=1), "")
    assert before["rollout"] == {} and str(releases / "earlier") in before["superfluous"]
    document = {"earlier": {"links": {"release": "releases/earlier", "models": {"net": "v1"}}}}
    (tmp_path / "rollout.json").write_text(json.dumps(document))
    monkeypatch.setattr(deployment_state, "ROLLOUT", str(tmp_path / "rollout.json"))
    within = read_state(wanted(tmp_path, keep=1), "")
    assert within["rollout"] == document and within["superfluous"] == [str(releases / "other")]
