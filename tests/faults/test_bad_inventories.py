"""Some fifty wrong hosts in one inventory: one run of site.yml names every fault of every host, and changes nothing.

A few throwaway hosts look like machines of the field (support/pretence.py); each name of the inventory leads to one of
them, under variables of its own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from support.bad_inventories import LOOKS, Bad, table
from support.pretence import pretend
from support.throwaway import PROJECT, Throwaway, play, throwaway
from support.untouched import state_of

SOUND = "nothing-wrong"
ENTRY = re.compile(r"(ERROR|WARNING|NOTE) +(\S[^:]*): (.*)")


@dataclass(frozen=True)
class Run:
    """What one run said, and what of the hosts was another afterwards."""

    code: int
    output: str
    errors: dict[str, list[str]]  # host -> its errors, each as one line
    changed: list[str]


def cases() -> list[Bad]:
    return table(dict.fromkeys(("RPM-GPG-KEY-centosofficial", "RPM-GPG-KEY-EPEL-8", "D42D0685.pub"), ""))


def inventory(hosts: dict[str, Throwaway], bad: list[Bad]) -> dict[str, Any]:
    """The inventory of throwaway hosts with a name for each case."""
    listed = subprocess.run(
        [sys.executable, "inventory/demo/hosts.py", "--list"],
        cwd=PROJECT,
        env={**os.environ, "HOTPATH_DEMO_HOSTS": " ".join(host.name for host in hosts.values())},
        capture_output=True,
        check=True,
    )
    demo = json.loads(listed.stdout)
    reach = demo["_meta"]["hostvars"]
    named = {case.name: {**reach[hosts[case.look].name], "ansible_host": case.name, **case.variables} for case in bad}
    named[SOUND] = {**reach[hosts["sound"].name], "ansible_host": SOUND}
    return {
        "gpu_hosts": {"hosts": named, "vars": demo["gpu_hosts"]["vars"]},
        "balancer": {"hosts": {"front": {"ansible_host": SOUND}}},
    }


def errors_by_host(output: str) -> dict[str, list[str]]:
    """The entries of the report, taken apart again."""
    found: dict[str, list[str]] = {}
    hosts: list[str] = []
    for line in output.splitlines():
        text = line.strip()
        if match := ENTRY.match(text):
            hosts = match[2].split(", ") if match[1] == "ERROR" else []
            for host in hosts:
                found.setdefault(host, []).append(match[3])
        elif re.match(r"\d+ hosts? judged", text):
            break
        else:
            for host in hosts:
                found[host][-1] += f" {text}"
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with ExitStack() as stack:
        hosts = {look: stack.enter_context(throwaway(f"bad-{look}")) for look in LOOKS}
        for look, host in hosts.items():
            pretend(host, LOOKS[look], tmp_path_factory.mktemp(look))
        hosts["full"].in_mounts("mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", "/opt")
        expired = json.loads(hosts["sound"].run("cat /srv/mirror/faults/expired-key/keys/fingerprints.json").stdout)
        path = tmp_path_factory.mktemp("inventory") / "hosts.json"
        path.write_text(json.dumps(inventory(hosts, table(expired))))
        before = {look: state_of(host) for look, host in hosts.items()}
        # All names lead to a few hosts, which take their time to let so many in at once.
        patient = {"ANSIBLE_TIMEOUT": "120", "ANSIBLE_SSH_RETRIES": "3"}
        done = play("site.yml", "-i", str(path), "--forks", "8", environment=patient)
        changed = [
            f"{look}: {line}" for look, host in hosts.items() for line in set(before[look]) ^ set(state_of(host))
        ]
        yield Run(done.code, done.output, errors_by_host(done.output), sorted(changed))


def test_the_run_stopped_before_its_first_change(run: Run) -> None:
    assert run.code == 2
    assert "PLAY [Build what the hosts will install" not in run.output
    assert "PLAY [Bring the hosts to their planned state]" not in run.output


def test_nothing_was_changed_on_any_host(run: Run) -> None:
    assert run.changed == []
    # Hosts on which nothing was installed yet, whose keys for one are to be trusted; the recap says the same.
    assert set(re.findall(r"\bchanged=(\d+)", run.output)) == {"0"}


def test_a_host_with_nothing_wrong_is_not_blamed(run: Run) -> None:
    assert run.errors.get(SOUND, []) == []
    assert f"PLAN of {SOUND}" in run.output or re.search(rf"PLAN of .*\b{SOUND}\b", run.output), run.output[:4000]


def test_the_inventory_itself_is_judged(run: Run) -> None:
    assert any("balancer is none" in text and "balancers?" in text for text in run.errors["inventory"])


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_each_fault_is_named_with_reason_and_remedy(run: Run, case: Bad) -> None:
    found = run.errors.get(case.name, [])
    said = " ".join(" ".join(found).split()).replace("''", "'")
    missing = [word for word in case.words if word not in said]
    assert not missing, f"not said: {missing}\nfound: {json.dumps(found, indent=1)}"
    assert len(found) == case.errors, json.dumps(found, indent=1)
    assert all("why: " in text and "remedy: " in text for text in found)


def test_there_are_enough_of_them() -> None:
    names = [case.name for case in cases()]
    assert len(names) == len(set(names)) >= 25
