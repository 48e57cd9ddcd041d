"""What every plan keeps, whoever made it."""

from __future__ import annotations

from collections.abc import Iterator

from hotpath_planning.model import Plan, PlanError, Topology
from hotpath_planning.text import cpu_list

PAGE_SIZES_KIB = (2048, 1024 * 1024)
# The rest of a node's memory is for the model, the page cache and everything else.
HUGEPAGE_MEMORY_PART = 0.5
# It keeps the kernel's time, so that it always has a tick: Linux takes it out of nohz_full again.
BOOT_CPU = 0


def check(plan: Plan, topology: Topology) -> None:
    """Raise PlanError at the first thing that cannot hold."""
    groups = list(_groups(plan))
    _exist(groups, topology)
    _on_node(groups, topology)
    if plan.policy != "shared":
        _disjoint(groups)
        _whole_cores(groups, topology)
    _engines_alone_are_isolated(plan)
    _boot_cpu_stays(plan)
    _pages_fit(plan, topology)


def _groups(plan: Plan) -> Iterator[tuple[str, int | None, list[int]]]:
    """(name, node it must lie on, CPUs) of each set of a plan."""
    yield "housekeeping_cpus", None, plan.housekeeping_cpus
    for nic in plan.nic_queues:
        # Interfaces of one node share their cores, so they count as one group.
        yield f"nic_queues of node {nic.numa_node}", nic.numa_node, nic.cpus
    for engine in plan.engines:
        yield f"cpus of {engine.device}", engine.numa_node, engine.cpus
        yield f"worker_cpus of {engine.device}", engine.numa_node, engine.worker_cpus


def _exist(groups: list[tuple[str, int | None, list[int]]], topology: Topology) -> None:
    online = {cpu for node in topology.nodes for cpu in node.cpus}
    for name, _, cpus in groups:
        if not cpus:
            raise PlanError(f"{name} is empty; name at least one CPU of {cpu_list(online)}")
        if missing := set(cpus) - online:
            raise PlanError(f"{name}: CPU {cpu_list(missing)} is not online; the host has {cpu_list(online)}")


def _on_node(groups: list[tuple[str, int | None, list[int]]], topology: Topology) -> None:
    near: dict[int, set[int]] = {}
    for node in topology.nodes:
        # An engine on a node without memory has another node's.
        for there in {node.id, topology.memory_node(node).id}:
            near.setdefault(there, set()).update(node.cpus)
    for name, number, cpus in groups:
        if number is not None and (away := set(cpus) - near[number]):
            raise PlanError(
                f"{name}: CPU {cpu_list(away)} is not on node {number}, where the device is; "
                f"choose among {cpu_list(near[number])}, or say with numa_node where the device really is"
            )


def _disjoint(groups: list[tuple[str, int | None, list[int]]]) -> None:
    owner: dict[int, str] = {}
    for name, _, cpus in groups:
        for cpu in cpus:
            if owner.setdefault(cpu, name) != name:
                raise PlanError(
                    f"CPU {cpu} is both in {owner[cpu]} and in {name}; give it to one of them, "
                    "or choose host_plan_policy: shared"
                )


def _whole_cores(groups: list[tuple[str, int | None, list[int]]], topology: Topology) -> None:
    siblings = {cpu: core for node in topology.nodes for core in node.cores for cpu in core}
    for name, _, cpus in groups:
        held = set(cpus)
        for cpu in cpus:
            if not held.issuperset(siblings[cpu]):
                raise PlanError(
                    f"{name} splits a core: CPU {cpu} shares it with {cpu_list(set(siblings[cpu]) - {cpu})}; "
                    f"take all of {cpu_list(siblings[cpu])} or none"
                )


def _engines_alone_are_isolated(plan: Plan) -> None:
    engines = {cpu for engine in plan.engines for cpu in engine.cpus} - set(plan.housekeeping_cpus)
    if others := set(plan.isolated_cpus) - engines:
        alone = f"those of engines are {cpu_list(engines)}" if engines else "here no engine has CPUs of its own"
        raise PlanError(f"isolated_cpus: CPU {cpu_list(others)} has other work than an engine's; {alone}")


def _boot_cpu_stays(plan: Plan) -> None:
    if BOOT_CPU in plan.isolated_cpus:
        raise PlanError(
            f"an engine would isolate CPU {BOOT_CPU}, which keeps the kernel's time and can't be left alone; "
            "name it in housekeeping_cpus, or choose host_plan_policy: throughput"
        )


def _pages_fit(plan: Plan, topology: Topology) -> None:
    memory = {node.id: node.memory_kib for node in topology.every_node}
    asked = dict.fromkeys(memory, 0)
    for pages in plan.hugepages:
        if pages.numa_node not in memory:
            nodes = cpu_list(memory)
            raise PlanError(f"hugepages name node {pages.numa_node}, which the host lacks; it has {nodes}")
        if pages.size_kib not in PAGE_SIZES_KIB:
            raise PlanError(f"hugepages of {pages.size_kib} KiB do not exist on x86-64; choose 2048 or 1048576")
        asked[pages.numa_node] += pages.size_kib * pages.count
    for node, size in asked.items():
        if size > memory[node] * HUGEPAGE_MEMORY_PART:
            raise PlanError(
                f"hugepages take {size // 1024} MiB of the {memory[node] // 1024} MiB of node {node}; "
                f"ask for at most {int(memory[node] * HUGEPAGE_MEMORY_PART) // 1024} MiB"
            )
