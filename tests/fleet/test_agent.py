"""A host tells the balancer how fast it is, and has requests by that: HAProxy's agent check."""

from __future__ import annotations

import csv
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.front_door import Clients, Door
from support.python36 import run_module
from support.services import Service, build, free_port, serving, until

ADDRESSES = {"gpu-1": "127.0.0.11", "gpu-2": "127.0.0.12"}


@pytest.fixture(scope="module")
def hosts(folder: Path) -> Iterator[list[Service]]:
    """Two hosts that are asked at one port of their own addresses."""
    place = folder / "agents"
    place.mkdir()
    model, port, agent = build(place, 0.02), free_port(), free_port()
    fleet = [
        Service(place, model, name, address, port, max_batch=2, agent_port=agent) for name, address in ADDRESSES.items()
    ]
    with serving(*fleet):
        yield fleet


@pytest.fixture
def door(tmp_path: Path, binary: Path, hosts: list[Service]) -> Iterator[Door]:
    with Door(tmp_path, binary, hosts, free_port(), load_balancer_agent_port=hosts[0].agent_port).open() as opened:
        opened.up(2)
        yield opened


def weight(door: Door, host: str) -> int:
    """As HAProxy uses it now."""
    lines = door.admin("show stat gpu_hosts 4 -1").lstrip("# ").splitlines()
    return next(int(row["weight"]) for row in csv.DictReader(lines) if row["svname"] == host)


def agents(door: Door) -> set[str]:
    """What came of asking each host."""
    lines = door.admin("show stat gpu_hosts 4 -1").lstrip("# ").splitlines()
    return {row["agent_status"] for row in csv.DictReader(lines) if row["svname"]}


@contextmanager
def slowed(service: Service) -> Iterator[None]:
    """Its engine stands still for nine tenths of the time."""
    (engine,) = service.children("engine")
    ends = threading.Event()

    def slow() -> None:
        while not ends.is_set():
            os.kill(engine, signal.SIGSTOP)
            time.sleep(0.18)
            os.kill(engine, signal.SIGCONT)
            time.sleep(0.02)

    slower = threading.Thread(target=slow)
    slower.start()
    try:
        yield
    finally:
        ends.set()
        slower.join()


def test_a_host_that_becomes_slow_weighs_less_until_it_has_recovered(
    door: Door, hosts: list[Service], folder: Path
) -> None:
    until(lambda: agents(door) == {"L7OK"})
    with Clients(door, (folder / "agents" / "red.png").read_bytes(), count=4) as clients:
        with slowed(hosts[1]):
            until(lambda: weight(door, "gpu-2") <= 50)
            assert weight(door, "gpu-1") > 50
        until(lambda: weight(door, "gpu-2") > 80)
    assert set(clients.met) == {"200"}


def test_a_canary_weighs_nothing_whatever_it_says(door: Door) -> None:
    asked = {"config": str(door.root / "etc/hotpath/balancer.cfg"), "host": "gpu-2"}
    until(lambda: weight(door, "gpu-2") > 0 and agents(door) == {"L7OK"})
    run_module("balancer_canary", {**asked, "share": 20})
    time.sleep(2.5)  # two questions
    assert weight(door, "gpu-2") == 0
    run_module("balancer_canary", {**asked, "share": 0})
    assert weight(door, "gpu-2") == 100
    until(lambda: agents(door) == {"L7OK"})


def test_a_host_that_was_taken_out_stays_out_whatever_it_says(door: Door) -> None:
    until(lambda: agents(door) == {"L7OK"})
    door.admin("set server gpu_hosts/gpu-2 state drain")
    time.sleep(2.5)
    door.up(1)
    door.admin("set server gpu_hosts/gpu-2 state ready")
    door.up(2)


def test_a_host_that_joins_while_haproxy_runs_is_asked_too(door: Door, hosts: list[Service]) -> None:
    door.have(hosts[:1])
    door.apply()
    door.up(1)
    door.have(hosts)
    door.apply()
    door.up(2)
    until(lambda: agents(door) == {"L7OK"})
