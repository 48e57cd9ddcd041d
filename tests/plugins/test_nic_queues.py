"""Queues and rings of an interface, through a stand-in for ethtool that keeps one line a setting."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from support.machines import write
from support.python36 import ROOT, interpreter

PROGRAM = ROOT / "roles/nic_irq_affinity/files/nic-queues.py"
# Test double of ethtool: a file a setting holds "most present", $ETHTOOL_STATE/combined for instance; calls that change
# are logged. Without the file the driver does not know the setting.
ETHTOOL = r"""#!/bin/sh
cd "$ETHTOOL_STATE"
show() {
  title=$1; column=$2; shift 2
  echo "$title"
  for name; do
    if [ -e "$name" ]; then echo "$name:		$(cut -d' ' -f$column "$name")"; else echo "$name:		n/a"; fi
  done
}
case "$1" in
-l) names="RX TX Other Combined" ;;
-g) names="ring-RX ring-TX" ;;
*) echo "$*" >> log
   shift 2
   while [ $# -gt 1 ]; do
     name=$(ls | grep -i -x -e "$1" -e "ring-$1" | tail -n 1)
     echo "$(cut -d' ' -f1 "$name") $2" > "$name"; shift 2
   done
   exit 0 ;;
esac
found=no
for name in $names; do [ -e "$name" ] && found=yes; done
[ $found = yes ] || { echo "netlink error: Operation not supported" >&2; exit 1; }
{ show "Pre-set maximums:" 1 $names; show "Current hardware settings:" 2 $names; } | sed 's/^ring-//'
"""


class Card:
    """An interface eth0 with two planned CPUs."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def has(self, **settings: str) -> None:
        for name, numbers in settings.items():
            write(self.root / "state" / name.replace("_", "-"), numbers)

    def run(self, channels: str = "keep", rings: str = "keep", *options: str) -> subprocess.CompletedProcess[str]:
        plan = {"interfaces": {"eth0": [2, 3]}, "channels": channels, "rings": rings}
        write(self.root / "etc/hotpath/nic-irq-affinity.json", json.dumps(plan))
        command = [interpreter(), str(PROGRAM), f"--root={self.root}", *options, "eth0"]
        return subprocess.run(command, capture_output=True, text=True)

    def calls(self) -> list[str]:
        log = self.root / "state/log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Card:
    program = tmp_path / "bin/ethtool"
    write(program, ETHTOOL)
    program.chmod(0o755)
    (tmp_path / "state").mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("ETHTOOL_STATE", str(tmp_path / "state"))
    return Card(tmp_path)


def test_nothing_is_asked_of_a_driver_by_default(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert card.run().returncode == 0


def test_planned_is_a_queue_for_each_planned_cpu_at_most(card: Card) -> None:
    card.has(Combined="63 63")
    assert "channels combined is 63 instead of 2" in card.run("planned", "keep", "--check").stderr
    assert card.calls() == []
    assert card.run("planned").returncode == 0
    assert card.run("planned").returncode == 0
    assert card.calls() == ["-L eth0 combined 2"]
    assert card.run("planned", "keep", "--check").returncode == 0


def test_planned_adds_no_queue(card: Card) -> None:
    card.has(Combined="63 1")
    assert card.run("planned").returncode == 0
    assert card.calls() == []


def test_queues_that_are_apart_are_set_together(card: Card) -> None:
    card.has(RX="8 8", TX="8 4")
    assert card.run("1").returncode == 0
    assert card.calls() == ["-L eth0 rx 1 tx 1"]


def test_rings_grow_to_the_most_that_the_driver_has(card: Card) -> None:
    card.has(ring_RX="4096 512", ring_TX="1024 512")
    assert card.run("keep", "max").returncode == 0
    assert card.calls() == ["-G eth0 rx 4096 tx 1024"]


def test_more_than_the_driver_has_is_named(card: Card) -> None:
    card.has(Combined="4 4")
    result = card.run("9")
    assert result.returncode == 1
    assert result.stderr == "eth0: channels 9 is more than the driver's 4 (combined)\n"


def test_a_wish_that_is_none_is_named(card: Card) -> None:
    card.has(Combined="4 4")
    assert "channels many is neither keep, planned, max nor a number" in card.run("many").stderr


def test_a_driver_without_the_setting_is_no_error_unless_a_number_was_asked_for(card: Card) -> None:
    result = card.run("planned", "max")
    assert result.returncode == 0 and "its driver has no rings to set" in result.stdout
    result = card.run("keep", "512")
    assert result.returncode == 1 and "Operation not supported" in result.stderr


def test_a_host_without_ethtool_is_told_to_install_it(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "install the package ethtool" in card.run("planned").stderr
