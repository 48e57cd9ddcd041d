"""Two balancers share an address: whatever happens to the one that has it, clients meet the other one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.balancers import Pair, engine, pair
from support.front_door import Clients
from support.planted import ON_BALANCER
from support.services import Service, build, free_port, serving
from support.strangers import SCAN, claim
from support.throwaway import PROJECT, Play, Throwaway

GATEWAY = "0.0.0.0"  # the services are this machine's, and the hosts reach it by its address in their network
CLIENTS = 6
THREATS = PROJECT / "docs" / "threat-model.md"
PATIENCE_S = 5.0  # of a client, who hears nothing of a request that went to a host that stands still


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("floating")


@pytest.fixture(scope="module")
def services(folder: Path) -> Iterator[list[Service]]:
    model = build(folder, seconds=0.02)
    fleet = [Service(folder, model, f"gpu-{number}", GATEWAY, free_port(), max_batch=2) for number in (1, 2)]
    with serving(*fleet):
        yield fleet


@pytest.fixture(scope="module")
def untouched(services: list[Service], folder: Path) -> Iterator[Pair]:
    with pair(services, folder) as made:
        yield made


@pytest.fixture(scope="module")
def foretold(untouched: Pair) -> Play:
    return untouched.play("--check", "--diff")


@pytest.fixture(scope="module")
def balancers(untouched: Pair, foretold: Play) -> Pair:
    done = untouched.play()
    assert done.code == 0, done.output[-6000:]
    return untouched


def test_check_mode_foretells_it_on_hosts_that_nothing_has_touched(foretold: Play) -> None:
    assert foretold.code == 0, foretold.output[-6000:]
    assert "hotpath-address.service is installed and started" in foretold.words


@contextmanager
def served(balancers: Pair, folder: Path) -> Iterator[Clients]:
    """Clients at the shared address, who lose no request but the one that each had when something happened.

    A connection that is refused, in the moment before the address moves, is none: it is tried again.
    """
    photograph = (folder / "red.png").read_bytes()
    balancers.ready()
    with Clients(balancers, photograph, CLIENTS, PATIENCE_S) as clients:
        clients.more(30)
        assert len(clients.failed()) == 0, clients.met
        yield clients
        clients.more(60)
    print(dict(clients.met))
    assert len(clients.failed()) - clients.met["ConnectionRefusedError"] <= CLIENTS, clients.met


def processes(host: Throwaway, signal: str) -> None:
    done = host.run(f"systemctl kill --signal={signal} hotpath-balancer.service")
    assert done.returncode == 0, done.stderr


def test_a_haproxy_that_is_killed_gives_the_address_up_at_once(balancers: Pair, folder: Path) -> None:
    before = balancers.active()
    with served(balancers, folder):
        processes(before, "SIGKILL")
        balancers.has(balancers.other(before))
    assert balancers.active() == balancers.other(before), "who came back took the address again"


def test_a_haproxy_that_is_stopped_gives_the_address_up_first(balancers: Pair, folder: Path) -> None:
    before = balancers.active()
    with served(balancers, folder):
        assert before.run("systemctl stop hotpath-balancer.service").returncode == 0
    assert balancers.active() == balancers.other(before)
    assert before.run("systemctl start hotpath-balancer.service").returncode == 0


def test_a_haproxy_that_stands_still_loses_the_address(balancers: Pair, folder: Path) -> None:
    before = balancers.active()
    with served(balancers, folder):
        processes(before, "SIGSTOP")
        balancers.has(balancers.other(before))
    processes(before, "SIGCONT")


def test_a_balancer_that_stands_still_is_replaced(balancers: Pair, folder: Path) -> None:
    before = balancers.active()
    with served(balancers, folder) as clients:
        engine("pause", before)
        balancers.has(balancers.other(before))
        clients.more(60)
    engine("unpause", before)
    balancers.active()


def test_a_second_run_changes_nothing(balancers: Pair) -> None:
    done = balancers.play()
    assert done.code == 0, done.output[-6000:]
    assert done.output.count("changed=0") == len(balancers.hosts) + 1, done.output[-3000:]


def verify(balancers: Pair, folder: Path, *options: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, report and words of scripts/verify.py."""
    report = folder / "verify.json"
    command = [sys.executable, "scripts/verify.py", balancers.inventory(), "--json", str(report), *options]
    done = subprocess.run(
        command, cwd=PROJECT, env={**os.environ, **balancers.environment}, capture_output=True, text=True
    )
    return done.returncode, json.loads(report.read_text()), done.stdout + done.stderr


def test_verify_finds_both_as_they_should_be(balancers: Pair, folder: Path) -> None:
    code, _, words = verify(balancers, folder)
    assert code == 0, words


def test_what_drifts_is_named_and_put_right(balancers: Pair, folder: Path) -> None:
    host = balancers.other(balancers.active())
    for planted in ON_BALANCER:
        done = host.run(planted.command)
        assert done.returncode == 0, f"{planted.name}: {done.stdout}{done.stderr}"
    code, report, words = verify(balancers, folder, "--limit", host.name)
    assert code == 1, words
    for planted in ON_BALANCER:
        found = [drift["found"] for drift in report["drifts"] if drift["what"] == planted.what]
        assert len(found) == 1 and planted.found in found[0], f"{planted.name}: {words}"
    repaired = balancers.play()
    assert repaired.code == 0, repaired.output[-6000:]
    code, _, words = verify(balancers, folder, "--limit", host.name)
    assert code == 0, words


def documented(balancers: Pair) -> set[int]:
    """TCP ports of balancers in the table of docs/threat-model.md, with the values that these two have."""
    rows = re.findall(r"^\| balancers \| \d+/tcp \|.*\| `(\w+)` \|$", THREATS.read_text(), re.MULTILINE)
    assert set(rows) == {"load_balancer_port", "load_balancer_redirect_port"}
    served = rows if balancers.variables["load_balancer_tls"] else rows[:1]
    return {22, *(int(str(balancers.variables[row])) for row in served)}


def test_a_scan_finds_only_the_ports_of_the_table(balancers: Pair) -> None:
    """From the other host; containers have no firewall, so that nothing else even listens to the network."""
    scanned, scanner = balancers.hosts.values()
    done = scanner.run(f"python3 -c '{SCAN}' {scanned.address()}")
    assert done.returncode == 0, done.stderr
    found = set(map(int, done.stdout.split()))
    assert balancers.port in found and found <= documented(balancers)


def test_a_stranger_takes_no_address(balancers: Pair, folder: Path) -> None:
    active = balancers.active()
    source, target = balancers.network.gateway, active.address()
    with served(balancers, folder) as clients:
        for _ in range(10):
            claim(source, target, balancers.address)
            clients.more(10)
    assert len(clients.failed()) == 0 and balancers.holders() == [active]


def test_a_balancer_that_dies_is_replaced_and_comes_back_behind(balancers: Pair, folder: Path) -> None:
    """In a container with another address of its own, which the next run brings to both."""
    before = balancers.active()
    with served(balancers, folder):
        engine("kill", before)
        balancers.has(balancers.other(before))
        engine("start", before)
    assert balancers.active() == balancers.other(before)


def test_the_systems_own_haproxy_takes_over(balancers: Pair, folder: Path) -> None:
    """On these hosts it is 2.6, with what the 1.8 of EL8 understands."""
    balancers.variables["load_balancer_haproxy"] = "system"
    done = balancers.play()
    assert done.code == 0, done.output[-6000:]
    for host in balancers.hosts.values():
        assert "HAProxy version 2.6." in host.run("curl -s http://127.0.0.1:8404/").stdout
    with served(balancers, folder) as clients:
        clients.more(60)
    code, _, words = verify(balancers, folder)
    assert code == 0, words


def test_an_address_that_is_wanted_no_more_leaves_nothing(balancers: Pair) -> None:
    balancers.variables["floating_address_ip"] = ""
    done = balancers.play()
    assert done.code == 0, done.output[-6000:]
    assert balancers.holders() == []
    for host in balancers.hosts.values():
        assert host.run("pidof keepalived").returncode == 1
