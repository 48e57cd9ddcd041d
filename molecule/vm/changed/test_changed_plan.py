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
