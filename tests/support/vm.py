"""What only a kernel of its own can tell about a host."""

from __future__ import annotations

import time
from collections.abc import Callable

from affinity_plan import cpu_list
from support.checks import Checks

NODES = "/sys/devices/system/node"
PATIENCE_S = 300
# The kernel moves an interrupt when it comes the next time, so every queue gets something to do: each CPU has its own.
# An answer may take an emulated machine longer than ping waits for it, right after the link has come back above all.
STIR = """
for cpu in 0 1 2 3 4 5 6 7; do
    left=30
    until taskset -c $cpu busybox ping -c 1 -W 1 192.168.77.1; do
        left=$((left - 1))
        [ $left -gt 0 ] || exit 1
    done
done
"""


def boots(check: Checks) -> int:
    """How often the host has booted since it was made."""
    return (
        len(check.answer("boots in wtmp", "last reboot --fullnames").splitlines()) - 2
    )  # a blank line and the log's age


def isolation(check: Checks, cpus: list[int]) -> None:
    """Scheduler and tick leave exactly these CPUs alone."""
    for name in ("isolated", "nohz_full"):
        found = check.text(f"/sys/devices/system/cpu/{name}").replace("(null)", "")
        check.equal(f"CPUs that are {name}", expected=cpu_list(cpus), found=found)


def pages(check: Checks, planned: list[dict[str, int]]) -> None:
    """Each node has the hugepages that the plan gives it, none where it gives none."""
    wanted = {entry["numa_node"]: entry["count"] for entry in planned}
    for node in (0, 1):
        found = int(check.text(f"{NODES}/node{node}/hugepages/hugepages-2048kB/nr_hugepages"))
        check.equal(f"hugepages of node {node}", expected=wanted.get(node, 0), found=found)


def until(condition: Callable[[], bool]) -> None:
    """Wait for what an emulated machine does in its own time."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(1)


def served(check: Checks) -> list[str]:
    """The CPUs on which the kernel really serves the eight queue interrupts of eth0."""
    check.succeeds("traffic on every queue", "sh -c %s", STIR)
    cpus = _effective_cpus(check, "eth0")
    check.equal("interrupts of queues", expected=8, found=len(cpus))
    return sorted(set(cpus.values()))


def _effective_cpus(check: Checks, interface: str) -> dict[str, str]:
    """Where the kernel really serves each queue's interrupt: CPU by the interrupt's name."""
    script = (
        'for irq in "/sys/class/net/$1/device/../msi_irqs/"*; do irq=/proc/irq/${irq##*/}; '
        'for name in "$irq"/*put.*; do echo "${name##*/} $(cat "$irq/effective_affinity_list")"; done; done'
    )
    told = check.answer(f"interrupts of {interface}", "sh -c %s sh %s", script, interface)
    return dict(line.split() for line in told.splitlines() if "*" not in line)
