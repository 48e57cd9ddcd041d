"""`scripts/verify.py` names every drift of a host in one look, is silent of a clean host, and says what it missed."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.planted import PLANTED, Planted
from support.throwaway import PROJECT, Throwaway, play, throwaway

HOST = "drift-1"
# The service is deployed by none of these tests: they are about the report, and a deployment takes minutes.
ROLES = ",".join(
    sorted(
        path.stem.removeprefix("test_")
        for path in (PROJECT / "tests" / "roles").glob("test_*.py")
        if path.stem != "test_inference_service"
    )
)


@dataclass(frozen=True)
class Verdict:
    """What verify.py said."""

    code: int
    table: str
    progress: str
    answer: dict[str, Any]


def verify(folder: Path, *options: str) -> Verdict:
    """Compare the host; its table goes through a pipe, as in a log."""
    output = folder / "verify.json"
    output.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "scripts/verify.py", "--json", str(output), *options],
        cwd=PROJECT,
        env={**os.environ, "HOTPATH_DEMO_HOSTS": HOST},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    answer = json.loads(output.read_text()) if output.exists() else {}
    return Verdict(done.returncode, done.stdout, done.stderr, answer)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("verify")


@pytest.fixture(scope="module")
def fresh() -> Iterator[Throwaway]:
    with throwaway(HOST) as made:
        yield made


@pytest.fixture(scope="module")
def provisioned(fresh: Throwaway) -> Throwaway:
    done = fresh.play("playbooks/provision.yml")
    assert done.code == 0, done.output
    return fresh


@pytest.fixture(scope="module")
def drifted(provisioned: Throwaway, folder: Path) -> Verdict:
    """Everything is planted at once; then the host is looked at once."""
    script = "\n".join(
        f"( {planted.command} ) >/dev/null || echo {shlex.quote('not planted: ' + planted.name)}" for planted in PLANTED
    )
    done = provisioned.run(script)
    assert "not planted" not in done.stdout and done.returncode == 0, done.stdout + done.stderr
    return verify(folder, "--roles", ROLES)


def test_a_host_that_was_never_provisioned_is_no_list_of_drifts(fresh: Throwaway, folder: Path) -> None:
    verdict = verify(folder, "--roles", "host_plan,selinux")
    assert verdict.code == 2
    assert f"{HOST}: could not tell: there is no /etc/hotpath: run playbooks/provision.yml" in verdict.table
    assert verdict.answer["drifts"] == [] and len(verdict.answer["could_not_tell"]) == 1


def test_a_host_as_it_should_be_has_one_line(provisioned: Throwaway, folder: Path) -> None:
    verdict = verify(folder, "--roles", ROLES)
    assert verdict.code == 0, verdict.table + verdict.progress
    (summary,) = verdict.answer["hosts"]
    assert summary["drifted"] == 0 and summary["checked"] > 100
    assert verdict.table.splitlines() == [f"{HOST}: checked {summary['checked']}, drifted 0"]
    assert f"{HOST}: firewall" in verdict.progress


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name.replace(" ", "-"))
def test_it_is_named(planted: Planted, drifted: Verdict) -> None:
    named = [
        drift for drift in drifted.answer["drifts"] if (drift["role"], drift["what"]) == (planted.role, planted.what)
    ]
    assert len(named) == 1, drifted.table + drifted.progress
    assert planted.found in named[0]["found"] and named[0]["expected"] != named[0]["found"]


def test_one_look_counts_them_all(drifted: Verdict) -> None:
    assert drifted.code == 1
    (summary,) = drifted.answer["hosts"]
    assert summary["drifted"] == len(drifted.answer["drifts"]) >= len(PLANTED)
    assert drifted.answer["could_not_tell"] == []
    assert f"{HOST}: checked {summary['checked']}, drifted {summary['drifted']}" in drifted.table
    assert all(drift["role"] in drifted.table for drift in drifted.answer["drifts"])


@pytest.fixture(scope="module")
def gone(folder: Path) -> str:
    """An inventory of a host whose ssh port is closed."""
    inventory = folder / "gone.yml"
    inventory.write_text("gpu_hosts: {hosts: {gone: {ansible_host: 127.0.0.1, ansible_port: 1}}}\n")
    return str(inventory)


def test_an_unreachable_host_is_no_drift(folder: Path, gone: str) -> None:
    verdict = verify(folder, "--inventory", gone)
    assert verdict.code == 2
    assert "gone: could not tell: unreachable: " in verdict.table
    assert verdict.answer["drifts"] == [] and len(verdict.answer["could_not_tell"]) == 1


def test_an_inventory_may_have_several_sources(folder: Path, gone: str) -> None:
    more = folder / "more.yml"
    more.write_text("gpu_hosts: {hosts: {gone-too: {ansible_host: 127.0.0.1, ansible_port: 1}}}\n")
    verdict = verify(folder, "--inventory", gone, "--inventory", str(more))
    assert verdict.code == 2
    missed = {one["host"] for one in verdict.answer["could_not_tell"]}
    assert missed == {"gone", "gone-too"}


def test_the_play_says_the_same_of_its_own_inventory_and_hosts(gone: str) -> None:
    done = play("playbooks/verify.yml", "--inventory", gone, "--limit", "gone")
    assert done.code == 2
    assert "gone: could not tell: unreachable: " in done.words, done.output


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        (("--limit", "nobody"), "no host of the group gpu_hosts or balancers or monitors matches --limit nobody"),
        (("--inventory", "no/such/place"), "there is no inventory no/such/place"),
        (("--roles", "firewal"), "no suite for firewal; there are: autoscaler,"),
    ],
)
def test_what_cannot_start_says_why(folder: Path, options: tuple[str, ...], cause: str) -> None:
    verdict = verify(folder, *options)
    assert verdict.code == 2
    assert cause in verdict.progress
