"""CPU sets and plans as text: kernel lists, kernel masks and a picture for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def cpu_list(cpus: Iterable[int]) -> str:
    """The kernel's list notation: [0, 1, 2, 8] -> "0-2,8"."""
    ranges: list[list[int]] = []
    for cpu in sorted(set(cpus)):
        if ranges and cpu == ranges[-1][1] + 1:
            ranges[-1][1] = cpu
        else:
            ranges.append([cpu, cpu])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def cpu_mask(cpus: Iterable[int]) -> str:
    """The kernel's mask notation, in words of 32 bits: [0, 33] -> "00000002,00000001"."""
    bits = sum(1 << cpu for cpu in set(cpus))
    words: list[str] = []
    while bits or not words:
        words.append(f"{bits & 0xFFFFFFFF:08x}")
        bits >>= 32
    return ",".join(reversed(words))


def plan_text(plan: Mapping[str, Any]) -> list[str]:
    """The plan as lines: who works where."""
    rows = [("housekeeping", "kernel, ssh, everything else", plan["housekeeping_cpus"])]
    for nic in plan["nic_queues"]:
        rows.append((f"node {nic['numa_node']}", f"{nic['interface']} interrupts", nic["cpus"]))
    for engine in plan["engines"]:
        where = f"node {engine['numa_node']}"
        pci = f" at {engine['pci']}" if engine["pci"] else ""
        rows.append((where, f"engine {engine['device']}{pci}", engine["cpus"]))
        rows.append((where, f"HTTP workers of {engine['device']}", engine["worker_cpus"]))
    if plan["isolated_cpus"]:
        rows.append(("isolated", "left alone by kernel and scheduler", plan["isolated_cpus"]))
    left = max(len(where) for where, _, _ in rows)
    middle = max(len(what) for _, what, _ in rows)
    return [
        f"policy {plan['policy']}",
        *(f"{where:<{left}}  {what:<{middle}}  CPU {cpu_list(cpus)}" for where, what, cpus in rows),
        *(
            f"node {pages['numa_node']}: {pages['count']} hugepages of {pages['size_kib']} KiB"
            for pages in plan["hugepages"]
        ),
        *(f"note: {note}" for note in plan["notes"]),
    ]
