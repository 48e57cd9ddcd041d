"""What a boot was to bring is asked of the running kernel in every run; no reboot is asked for that would not help."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from support.expected import Expected, Inventory
from support.machines import write
from support.python36 import run_module

SYSTEMCTL = """#!/bin/sh
[ "$1" = list-units ] && echo "hotpath-hugepages.service loaded failed failed Reserve hugepages"
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path / "bin/systemctl", SYSTEMCTL)
    (tmp_path / "bin/systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    write(tmp_path / "proc/cmdline", "root=LABEL=root isolcpus=domain,6\n")
    write(tmp_path / "sys/devices/system/cpu/isolated", "6\n")
    return tmp_path


def look(root: Path) -> dict[str, Any]:
    return run_module(
        "boot_state", {"requests": str(root / "requests"), "record": str(root / "record"), "root": str(root)}
    )


def test_a_host_that_no_role_has_touched_waits_for_nothing(root: Path) -> None:
    found = look(root)
    assert (found["requests"], found["recorded"], found["changed"]) == ({}, "", False)


def test_who_asks_for_a_reboot_and_what_the_last_one_brought(root: Path) -> None:
    write(root / "requests/hugepages", "38 of 40 pages of 1 GiB are there\n")
    write(root / "record", "isolcpus=domain,6\n")
    found = look(root)
    assert found["requests"] == {"hugepages": "38 of 40 pages of 1 GiB are there"}
    assert (found["recorded"], found["isolated"]) == ("isolcpus=domain,6", "6")
    assert found["command_line"] == "root=LABEL=root isolcpus=domain,6"
    assert found["failed"] == ["hotpath-hugepages.service"]


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    hosts = tmp_path_factory.mktemp("inventory") / "hosts.ini"
    hosts.write_text("[gpu_hosts]\nxeon\n")
    return Inventory(str(hosts))


def holds(role: Expected, tasks: str, name: str, **known: Any) -> bool:
    """Whether the assertion of a task of the role is met; a task that does not apply is."""
    (task,) = [task for task in role.tasks(tasks) if task["name"] == name]
    local = {variable: role.template(text, **known) for variable, text in task.get("vars", {}).items()}
    conditions = [task.get("when", True), task["ansible.builtin.assert"]["that"]]
    applies, met = (role.template(f"{{{{ {text} }}}}", **known, **local) for text in conditions)
    return bool(met or not applies)


@pytest.mark.parametrize(
    ("command_line", "isolated", "arguments_hold", "isolation_holds"),
    [
        ("quiet isolcpus=domain,6 nohz_full=6", "6", True, True),
        ("quiet isolcpus=domain,6 nohz_full=6", "", True, False),  # ignored for a flag that the kernel does not know
        ("quiet isolcpus=domain,5 nohz_full=6", "5", False, False),
        ("quiet", "", False, False),  # another entry was booted, and whatever marked it is gone
    ],
)
def test_every_run_requires_the_recorded_arguments_and_the_isolation(
    inventory: Inventory, command_line: str, isolated: str, arguments_hold: bool, isolation_holds: bool
) -> None:
    role = inventory.expected("xeon", "reboot", {})
    recorded = "isolcpus=domain,6 nohz_full=6"
    state = {"recorded": recorded, "command_line": command_line, "isolated": isolated}
    assert holds(role, "verify.yml", "Require every recorded argument", __reboot_state=state) is arguments_hold
    assert (
        holds(role, "verify.yml", "Require that the kernel isolated the CPUs", __reboot_state=state) is isolation_holds
    )


@pytest.mark.parametrize(
    ("loaded", "nouveau", "wanted", "met"),
    [
        ("510.47.03", False, "present", True),
        ("", False, "present", True),  # a host without a GPU loads none
        ("470.82.01", False, "present", False),  # the initial ramdisk holds an older one
        ("", True, "present", False),
        ("", True, "absent", True),
        ("510.47.03", False, "absent", False),
    ],
)
def test_a_reboot_must_bring_the_driver_that_was_installed(
    inventory: Inventory, loaded: str, nouveau: bool, wanted: str, met: bool
) -> None:
    facts = {"ansible_facts": {"virtualization_role": "host", "kernel": "4.18.0"}}
    role = inventory.expected("xeon", "nvidia_driver", facts)
    host = {"nvidia_loaded": loaded, "nouveau_loaded": nouveau}
    known = {"__nvidia_driver_host": host, "nvidia_driver_state": wanted, "nvidia_driver_version": "510.47.03"}
    assert holds(role, "after_reboot.yml", "Require the driver that the boot was to bring", **known) is met
