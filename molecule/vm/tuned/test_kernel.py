"""After one reboot the kernel runs as planned, with SELinux enforcing."""

from __future__ import annotations

from typing import Any

from support import vm
from support.checks import Checks


def test_it_rebooted_once(check: Checks) -> None:
    """The runs after the first needed none."""
    check.equal("boots of a machine that was made, tuned and run over again", expected=2, found=vm.boots(check))


def test_the_planned_cpus_are_left_alone(check: Checks, plan: dict[str, Any]) -> None:
    check.equal("CPUs of the engine", expected=[6], found=plan["isolated_cpus"])
    vm.isolation(check, plan["isolated_cpus"])


def test_each_node_has_its_pages(check: Checks, plan: dict[str, Any]) -> None:
    check.equal("nodes with pages", expected=[0, 1], found=[entry["numa_node"] for entry in plan["hugepages"]])
    vm.pages(check, plan["hugepages"])


# What a permissive domain was warned of was not denied. And Debian's policy keeps NetworkManager from starting chronyc,
# as the scripts that chrony brings ask it to with every link.
OTHERS = ("permissive=1", "comm=20-chrony-")


def test_selinux_enforces_and_has_denied_nothing(check: Checks) -> None:
    """Since the machine's first boot: check mode, both runs and the reboot."""
    check.equal("SELinux's mode", expected="Enforcing", found=check.answer("SELinux's mode", "getenforce"))
    # Without --input-logs it would read what is piped into it.
    denied = check.answer("denials", "ausearch --input-logs --interpret -m AVC,USER_AVC,SELINUX_ERR || test $? = 1")
    check.equal(
        "denials in the audit log",
        expected=[],
        found=[line for line in denied.splitlines() if "denied" in line and not any(word in line for word in OTHERS)],
    )
