"""Another plan took one reboot; its arguments replaced the old ones and left the others."""

from __future__ import annotations

from typing import Any

from support import vm
from support.checks import Checks


def test_it_rebooted_once_more(check: Checks) -> None:
    check.equal("boots", expected=3, found=vm.boots(check))


def test_the_kernel_has_the_new_arguments_alone(check: Checks) -> None:
    arguments = check.text("/proc/cmdline").split()
    isolation = [word for word in arguments if word.partition("=")[0] in ("isolcpus", "nohz_full", "rcu_nocbs")]
    check.equal("arguments that isolate", expected=3, found=len(isolation))
    check.equal(
        "what they name", expected={"5"}, found={word.rpartition("=")[2].rpartition(",")[2] for word in isolation}
    )
    vm.isolation(check, [5])


def test_the_arguments_of_others_are_kept(check: Checks) -> None:
    image = ["root=LABEL=root", "console=ttyS0", "net.ifnames=0", "security=selinux", "selinux=1", "mitigations=off"]
    check.contains(
        "boot arguments", expected=[*image, "hotpath_stranger=kept"], found=check.text("/proc/cmdline").split()
    )


def test_pages_and_interrupts_follow_the_new_plan(check: Checks, plan: dict[str, Any]) -> None:
    check.equal(
        "pages of the plan", expected=[{"numa_node": 1, "size_kib": 2048, "count": 64}], found=plan["hugepages"]
    )
    vm.pages(check, plan["hugepages"])
    (nic,) = plan["nic_queues"]
    vm.until(lambda: vm.served(check) == sorted(map(str, nic["cpus"])))


def test_an_interface_that_left_the_plan_has_no_unit(check: Checks) -> None:
    links = check.answer("units", "find /etc/systemd/system -type l -name %s", "hotpath-nic-irq-affinity@?*.service")
    units = [link.rpartition("/")[2] for link in links.splitlines()]
    check.equal("units of interfaces", expected=["hotpath-nic-irq-affinity@eth0.service"], found=units)


def test_a_unit_finds_the_device_of_a_name_with_a_dash(check: Checks) -> None:
    """Its program runs only once systemd knows the device, and then refuses what has no place in the plan."""
    check.succeeds("an interface port-a", "ip link add port-a type dummy")
    start = 'systemctl start "$(systemd-escape --template=hotpath-nic-irq-affinity@.service port-a)"'
    check.succeeds("its unit fails", "sh -c %s", f"! {start}")
    told = check.answer("journal", "journalctl --boot --output=cat --unit=%s", "hotpath-nic-irq-affinity@*")
    check.contains(
        "refusals", expected=["port-a has no place"], found=[line.partition(" in ")[0] for line in told.splitlines()]
    )
