"""The playbooks that change who is in rotation, on a fleet of throwaway hosts while clients go on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.fleet import BALANCERS, GPU_HOSTS, Fleet
from support.killing import Kill
from support.load import Load
from support.model_sources import stand_in
from support.site import BUNDLE, DEPLOY, assert_converged, assert_stopped

FIRST, SECOND, THIRD = GPU_HOSTS
DRAIN, UNDRAIN, FLEET = "playbooks/drain.yml", "playbooks/undrain.yml", "playbooks/fleet.yml"
ROLLBACK, SCALE_IN, SCALE_OUT = "playbooks/rollback.yml", "playbooks/scale_in.yml", "playbooks/scale_out.yml"


@pytest.fixture
def load(fleet: Fleet) -> Iterator[Load]:
    """Clients during the whole test, none of whom may fail."""
    fleet.whole()
    with fleet.load() as clients:
        clients.more(20)
        yield clients
        clients.more(20)
    assert clients.failed() == []
    fleet.whole()


def rows(fleet: Fleet, tmp_path: Path) -> dict[str, dict[str, str]]:
    """What the state of the fleet says of each host."""
    told = fleet.play(FLEET, fleet_json=str(tmp_path / "fleet.json"))
    assert_converged(told)
    return {row["host"]: row for row in json.loads((tmp_path / "fleet.json").read_text())}


def everywhere(fleet: Fleet, *hosts: str) -> bool:
    """Whether every balancer has these hosts in rotation and no others."""
    return all(fleet.in_rotation(balancer) == set(hosts) for balancer in BALANCERS)


def test_hosts_leave_and_come_back(fleet: Fleet, load: Load, tmp_path: Path) -> None:
    assert_stopped(fleet.play(DRAIN), "Say which with --limit", ", ".join(GPU_HOSTS))
    foreseen = fleet.play(DRAIN, "--check", "--limit", FIRST)
    assert_converged(foreseen)
    assert re.search(rf"{FIRST} +: ok=\d+ +changed=[1-9]", foreseen.words) and everywhere(fleet, *GPU_HOSTS)

    assert_converged(fleet.play(DRAIN, "--limit", FIRST, rotation_why="a fan is replaced"))
    assert everywhere(fleet, SECOND, THIRD)
    load.more(20)
    assert FIRST not in {answer.host for answer in load.answers[-10:]}
    row = rows(fleet, tmp_path)[FIRST]
    assert row["rotation"] == "out" and "maintenance: a fan is replaced (ansible-playbook drain.yml of " in row["why"]
    refused = fleet.play(DRAIN, "--limit", SECOND)
    assert_stopped(refused, "of 3 hosts 1 may be out at once", f"{FIRST} (maintenance: a fan is replaced")
    assert everywhere(fleet, SECOND, THIRD)
    # New workers take over, and have it out too.
    assert_converged(fleet.play("playbooks/balance.yml", load_balancer_answer_s=16))
    assert everywhere(fleet, SECOND, THIRD)
    again = fleet.play(DRAIN, "--limit", FIRST)
    assert re.search(rf"{FIRST} +: ok=\d+ +changed=0 ", again.words), again.output[-3000:]

    assert_converged(fleet.play(UNDRAIN, "--limit", FIRST))
    assert everywhere(fleet, *GPU_HOSTS)


def test_a_balancer_that_is_down_is_passed_over(fleet: Fleet, tmp_path: Path) -> None:
    last = fleet.host(BALANCERS[1])
    last.run("systemctl stop hotpath-balancer")
    try:
        with fleet.load(balancers=BALANCERS[:1]) as load:
            done = fleet.play(DRAIN, "--limit", FIRST)
            assert_converged(done)
            assert f"Passed over: {BALANCERS[1]} (HAProxy does not answer" in done.words
            assert fleet.in_rotation() == {SECOND, THIRD}
            told = fleet.play(FLEET, fleet_json=str(tmp_path / "fleet.json"))
            assert f"{BALANCERS[1]}, a balancer, does not answer: HAProxy does not answer" in told.words
            fleet.host(BALANCERS[0]).run("systemctl stop hotpath-balancer")
            assert_stopped(fleet.play(UNDRAIN, "--limit", FIRST), "No balancer answers", "nothing was changed")
    finally:
        for name in BALANCERS:
            fleet.host(name).run("systemctl start hotpath-balancer")
    assert set(load.met) - {"200"}, "the front door was closed, and nobody met it"
    row = rows(fleet, tmp_path)[FIRST]
    assert row["rotation"] == f"out at {BALANCERS[0]}; in at {BALANCERS[1]}"
    assert_converged(fleet.play(UNDRAIN, "--limit", FIRST))
    fleet.whole()


def test_hosts_become_spares_and_come_when_asked_for(fleet: Fleet, load: Load) -> None:
    assert_converged(fleet.play(SCALE_IN, "--limit", f"{SECOND},{THIRD}"))
    assert everywhere(fleet, FIRST)
    assert_stopped(fleet.play(SCALE_IN, "--limit", FIRST), "at least 1 others must stay in rotation, and 0 would")
    undrained = fleet.play(UNDRAIN, "--limit", SECOND)
    assert f"{SECOND} stays out of rotation: standby: scaled in" in undrained.words
    assert_converged(fleet.play(SCALE_OUT, "--limit", f"{SECOND},{THIRD}"))
    assert everywhere(fleet, *GPU_HOSTS)


def test_back_to_an_earlier_version_and_release(fleet: Fleet, load: Load, tmp_path: Path) -> None:
    first = version(fleet, FIRST)
    fleet.serve({"source": stand_in(tmp_path / "newer" / "colours", always=0.012)})
    assert_converged(fleet.play(f"{BUNDLE} {DEPLOY}"))
    second = version(fleet, FIRST)
    assert first != second
    load.more(20)

    unknown = fleet.play(ROLLBACK, rollback_models="colours/7")
    assert_stopped(
        unknown, "does not keep model colours/7", f"colours/{first}", f"colours/{second}", "nothing was changed"
    )
    assert_stopped(fleet.play(ROLLBACK), "Say to what to go back", f"colours/{first}")
    assert_converged(fleet.play(ROLLBACK, rollback_models=f"colours/{first}"))
    assert {version(fleet, name) for name in GPU_HOSTS} == {first}

    # Another release: the same under another name, as no other can be had here.
    release = Path(fleet.host(FIRST).run("readlink /opt/hotpath/current").stdout.strip()).name
    for name in GPU_HOSTS:
        fleet.host(name).run(f"cp -al /opt/hotpath/releases/{release} /opt/hotpath/releases/0.0.9-earlier")
    foreseen = fleet.play(ROLLBACK, "--check", rollback_release="0.0.9-earlier")
    assert_converged(foreseen)
    assert_converged(fleet.play(ROLLBACK, "--limit", FIRST, rollback_release="0.0.9-earlier"))
    told = rows(fleet, tmp_path)
    assert {name: told[name]["release"] for name in (FIRST, SECOND)} == {FIRST: "0.0.9-earlier", SECOND: release}
    assert told[FIRST]["models"] == f"colours/{first}" and everywhere(fleet, *GPU_HOSTS)

    # What was asked for can fail to start: the host then serves what it served.
    fleet.host(SECOND).run("rm /opt/hotpath/releases/0.0.9-earlier/venv/bin/python")
    stopped = fleet.play(ROLLBACK, "--limit", SECOND, rollback_release="0.0.9-earlier")
    assert stopped.code != 0 and rows(fleet, tmp_path)[SECOND]["release"] == release

    # The next deployment brings what the inventory says.
    assert_converged(fleet.play(DEPLOY))
    assert {version(fleet, name) for name in GPU_HOSTS} == {second}
    assert everywhere(fleet, *GPU_HOSTS)


@pytest.mark.parametrize(
    "task", ["Take it out at all of them", "Start the service anew", "Put the host back, and wait until"]
)
def test_a_play_that_was_killed_is_seen_and_finished(fleet: Fleet, load: Load, tmp_path: Path, task: str) -> None:
    release = Path(fleet.host(FIRST).run("readlink /opt/hotpath/current").stdout.strip()).name
    fleet.host(FIRST).run(f"cp -al /opt/hotpath/releases/{release} /opt/hotpath/releases/0.0.8-killed")
    asked: dict[str, Any] = {"rollback_release": "0.0.8-killed"}
    killed = fleet.killed(ROLLBACK, Kill(task, 0.2), "--limit", FIRST, **asked)
    assert killed.code != 0 and any(task in heading for _, heading in killed.begun), killed.output[-3000:]
    if "rollback: goes back to release 0.0.8-killed" not in rows(fleet, tmp_path)[FIRST]["why"]:
        assert everywhere(fleet, *GPU_HOSTS), "it is out, and nobody says why"
    assert_converged(fleet.play(ROLLBACK, "--limit", FIRST, play_lock_wait_s=120, **asked))
    assert rows(fleet, tmp_path)[FIRST]["release"] == "0.0.8-killed" and everywhere(fleet, *GPU_HOSTS)
    assert_converged(fleet.play(ROLLBACK, "--limit", FIRST, rollback_release=release))


def version(fleet: Fleet, host: str) -> str:
    """Of the model that a host serves."""
    told = fleet.host(host).run("curl -s http://127.0.0.1:8000/v2/models/colours").stdout
    return str(json.loads(told)["versions"][0])
