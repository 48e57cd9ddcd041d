"""What only a virtual machine shows: NUMA nodes, hugepages, interrupts, SELinux, reboots with other boot arguments."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from throwaway import fleet

pytestmark = pytest.mark.skipif(
    os.environ.get("HOTPATH_VM") != "1", reason="boots an emulated machine for minutes: HOTPATH_VM=1 or `make test-vm`"
)
PROJECT = Path(__file__).resolve().parents[2]
NAME = "vm-test"
QUEUE_INTERRUPTS = "/sys/class/net/eth0/device/../msi_irqs"


@dataclass(frozen=True)
class Vm:
    """A running virtual machine."""

    name: str

    def shell(self, command: str) -> str:
        """Output of a command that succeeds."""
        line = [sys.executable, str(PROJECT / "scripts" / "hosts.py"), "ssh", self.name, command]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def ansible(self, module: str, **arguments: Any) -> dict[str, Any]:
        """Result of a module that succeeds."""
        with tempfile.TemporaryDirectory() as results:
            line = ["ansible", self.name, "--inventory", "inventory/demo", "--module-name", module, "--tree", results]
            line += ["--args", json.dumps(arguments)] if arguments else []
            environment = {**os.environ, "HOTPATH_DEMO_HOSTS": self.name}
            done = subprocess.run(line, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            result: dict[str, Any] = json.loads((Path(results) / self.name).read_text())
        return result


@pytest.fixture(scope="module")
def vm() -> Iterator[Vm]:
    fleet.up([NAME])
    yield Vm(NAME)
    fleet.down([NAME])
    assert NAME not in fleet.hosts()


def test_ansible_reaches_it(vm: Vm) -> None:
    assert vm.ansible("ansible.builtin.ping")["ping"] == "pong"


def test_it_is_in_the_present_and_goes_by_its_name(vm: Vm) -> None:
    name, drift = vm.shell("hostname; date +%s").splitlines()
    assert name == NAME
    now = subprocess.run(["date", "+%s"], capture_output=True, text=True, check=True).stdout
    assert abs(int(drift) - int(now)) < 30


def test_each_numa_node_has_cpus_and_hugepages_of_its_own(vm: Vm) -> None:
    nodes = "/sys/devices/system/node"
    pages = "hugepages/hugepages-2048kB/nr_hugepages"
    vm.shell(f"echo 32 > {nodes}/node0/{pages} && echo 16 > {nodes}/node1/{pages}")
    seen = vm.shell(f"cat {nodes}/node[01]/cpulist {nodes}/node[01]/{pages} /proc/sys/vm/nr_hugepages")
    assert seen.split() == ["0-3", "4-7", "32", "16", "48"]


def test_the_nic_hangs_on_the_second_node_and_its_queue_interrupts_can_be_placed(vm: Vm) -> None:
    assert vm.shell("cat /sys/class/net/eth0/device/../numa_node; ls -d /sys/class/net/eth0/queues/rx-*").split() == [
        "1",
        *[f"/sys/class/net/eth0/queues/rx-{queue}" for queue in range(4)],
    ]
    interrupts = vm.shell(f"cd /proc/irq; for irq in $(ls {QUEUE_INTERRUPTS}); do ls -d $irq/virtio*put*; done").split()
    numbers = [path.partition("/")[0] for path in interrupts]
    assert len(numbers) == 8, "one for each direction of each queue"
    for cpu in ("0", "7"):
        placed = "; ".join(f"echo {cpu} > {irq}/smp_affinity_list; cat {irq}/smp_affinity_list" for irq in numbers)
        assert vm.shell(f"cd /proc/irq; {placed}").split() == [cpu] * 8


def test_selinux_enforces_a_policy_named_as_on_el8(vm: Vm) -> None:
    facts = vm.ansible("ansible.builtin.setup", gather_subset=["!all", "!min", "selinux"])["ansible_facts"]
    selinux = facts["ansible_selinux"]
    assert (selinux["mode"], selinux["type"]) == ("enforcing", "targeted")


def test_the_mirror_is_there(vm: Vm) -> None:
    assert vm.shell("ls /srv/mirror/nvidia/rhel8/x86_64/repodata/repomd.xml; rpm -q kernel").endswith(".x86_64")


def test_boot_arguments_hold_from_the_next_boot_on(vm: Vm) -> None:
    wanted = {"wanted": ["isolcpus=2-3", "nohz_full=2-3"], "record": "/etc/hotpath/boot-arguments"}
    assert vm.ansible("boot_arguments", **wanted)["changed"]
    vm.shell("grub2-editenv - set tuned_params=skew_tick=1")  # the other owner of boot arguments on EL8
    before = vm.shell("cat /proc/sys/kernel/random/boot_id /sys/devices/system/cpu/isolated").split()

    assert vm.ansible("ansible.builtin.reboot", reboot_timeout=400)["rebooted"]

    boot_id, isolated = vm.shell("cat /proc/sys/kernel/random/boot_id /sys/devices/system/cpu/isolated").split()
    assert [boot_id] != before
    assert isolated == "2-3"
    arguments = vm.shell("cat /proc/cmdline").split()
    assert {"isolcpus=2-3", "nohz_full=2-3", "skew_tick=1"} <= set(arguments)
    assert not vm.ansible("boot_arguments", **wanted)["changed"]
    assert vm.shell("getenforce; hostname").split() == ["Enforcing", NAME]


def test_grubby_removes_arguments_by_key_and_by_value(vm: Vm) -> None:
    vm.shell("grubby --update-kernel=ALL --args='console=tty0 hugepages=4' --remove-args='isolcpus nohz_full=1'")
    arguments = next(line for line in vm.shell("grubby --info=ALL").splitlines() if line.startswith("args="))
    kept = arguments.removeprefix("args=").strip('"').split()
    assert "isolcpus=2-3" not in kept
    assert "nohz_full=2-3" in kept, "another value than the one to be removed"
    assert [word for word in kept if word.startswith("console=")] == ["console=tty0"]
    assert kept[-1] == "$tuned_params"
