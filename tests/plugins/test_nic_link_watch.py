"""The program that places interrupts again when a link comes up, on real links in a network namespace of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.machines import Device, Machine, build, write
from support.python36 import ROOT, interpreter

FILES = ROOT / "roles/nic_irq_affinity/files"
PATIENCE_S = 20
INTERFACE = "hp-link0"


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.05)


@dataclass
class Watched:
    """A machine with one card, and the watcher beside it."""

    root: Path
    program: Path
    process: subprocess.Popen[str]

    def ip(self, *words: str) -> None:
        namespace = ["nsenter", f"--target={self.process.pid}", "--net"]
        subprocess.run([*namespace, "ip", *words], check=True)

    def served(self) -> list[str]:
        return [(self.root / f"proc/irq/{irq}/smp_affinity_list").read_text().strip() for irq in (100, 101)]

    def move(self) -> None:
        """As the driver does when it makes new interrupts."""
        for irq in (100, 101):
            write(self.root / f"proc/irq/{irq}/smp_affinity_list", "0")

    @property
    def restarted(self) -> int:
        """How often irqbalance was."""
        log = self.root / "systemctl.log"
        return log.read_text().splitlines().count("try-restart irqbalance.service") if log.exists() else 0


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    if subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode != 0:
        pytest.skip("no right to make a network namespace here")
    root = build(Machine(1, 4, 1, 8, (Device("0000:03:00.0", 0, INTERFACE, 2),)), tmp_path)
    plan = {"interfaces": {INTERFACE: [2, 3]}, "xps": True, "rps": True, "rfs_entries": 0}
    write(root / "etc/hotpath/nic-irq-affinity.json", json.dumps(plan))
    write(root / f"sys/class/net/{INTERFACE}/flags", "0x1003")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("nic-irq-affinity", "nic-link-watch"):
        shutil.copy(FILES / f"{name}.py", programs / name)
    write(programs / "nic-irq-affinity", f"#!{interpreter()}\n" + (FILES / "nic-irq-affinity.py").read_text())
    write(programs / "systemctl", f'#!/bin/sh\necho "$@" >> {root}/systemctl.log')
    for name in ("nic-irq-affinity", "systemctl"):
        (programs / name).chmod(0o755)
    process = subprocess.Popen(
        ["unshare", "--net", interpreter(), str(programs / "nic-link-watch"), f"--root={root}"],
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    found = Watched(root, programs / "nic-link-watch", process)
    until(lambda: found.served() == ["2", "3"] or process.poll() is not None, "what was up before it listened")
    found.ip("link", "add", INTERFACE, "type", "veth", "peer", "name", "hp-other0")
    yield found
    process.kill()
    process.wait()


def test_a_link_that_comes_up_has_its_interrupts_placed_again(watched: Watched) -> None:
    assert watched.restarted == 1
    watched.move()
    watched.ip("link", "set", INTERFACE, "up")
    until(lambda: watched.served() == ["2", "3"], "a link that came up by ip(8)")
    until(lambda: watched.restarted == 2, "irqbalance, whose bans name the old interrupts")


def test_so_has_one_that_gets_an_address(watched: Watched) -> None:
    """NetworkManager connects a device anew without taking its link down."""
    watched.move()
    watched.ip("address", "add", "192.0.2.1/24", "dev", INTERFACE)
    until(lambda: watched.served() == ["2", "3"], "an address")


def test_what_holds_is_left_alone_and_so_is_what_is_down_or_not_planned(watched: Watched) -> None:
    write(watched.root / f"sys/class/net/{INTERFACE}/flags", "0x1002")
    watched.move()
    watched.ip("link", "set", INTERFACE, "up")
    time.sleep(1.5)  # longer than the watcher lets a link settle
    assert watched.served() == ["0", "0"]
    write(watched.root / f"sys/class/net/{INTERFACE}/flags", "0x1003")
    watched.ip("link", "set", "lo", "up")
    time.sleep(1.5)
    assert watched.served() == ["0", "0"]
    watched.ip("address", "add", "192.0.2.1/24", "dev", INTERFACE)
    until(lambda: watched.served() == ["2", "3"], "the planned one, now that it is up")
    told = watched.restarted
    watched.ip("address", "add", "192.0.2.2/24", "dev", INTERFACE)
    time.sleep(1.5)
    assert watched.restarted == told


def test_a_new_program_takes_over_from_the_old(watched: Watched) -> None:
    os.utime(watched.program, (1, 1))
    watched.ip("link", "set", INTERFACE, "up")
    assert watched.process.wait(PATIENCE_S) == 0
