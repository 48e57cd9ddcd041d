"""Hand the cores of a host out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hotpath_planning.check import check
from hotpath_planning.demand import CPU_ENGINE_PART, GPU_ENGINE_CORES, Port, Seat, housekeeping_cores, interrupt_cores
from hotpath_planning.demand import ports as find_ports
from hotpath_planning.demand import seats as find_seats
from hotpath_planning.model import (
    HUGEPAGE_2M_KIB,
    Core,
    Engine,
    Hugepages,
    NicQueues,
    Node,
    Plan,
    PlanError,
    Policy,
    Topology,
)
from hotpath_planning.overrides import Overrides

# Pages that nobody asked for by name take no more than this part of a node's memory.
DEFAULT_PAGES_MEMORY_PART = 8


class TooFewCoresError(PlanError):
    """A node cannot give every kind of work a core of its own."""


def plan_host(
    facts: Mapping[str, Any],
    policy: Policy = "throughput",
    engines_on: str = "gpu",
    hugepages_mib: int = 256,
    overrides: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan of one host.

    `throughput` gives each kind of work cores of its own; `latency` isolates those of the GPU engines besides;
    `shared` lets everything run everywhere on its node. A host with too few cores for disjoint sets gets `shared`
    and a note, unless overrides ask for what it cannot give. `hugepages_mib` is for each engine.
    """
    topology = Topology.parse(facts)
    if not topology.nodes:
        raise PlanError("the topology has no node with CPUs; run host_topology on the host again")
    notes: list[str] = []
    seats, ports = find_seats(topology, engines_on, notes), find_ports(topology, notes)
    wishes = Overrides.parse(overrides or {}, [seat.device for seat in seats], [port.interface for port in ports])
    plan = Plan(policy)
    try:
        if policy != "shared":
            _dedicate(plan, topology, seats, ports, wishes)
    except TooFewCoresError as reason:
        if wishes.cpus:
            raise
        notes.append(f"{reason}; policy shared instead of {policy}")
        plan = Plan("shared")
    if plan.policy == "shared":
        _share(plan, topology, seats, ports, wishes)
    if policy == "latency" and plan.policy == "latency":
        plan.isolated_cpus = sorted(cpu for engine in plan.engines if engine.pci for cpu in engine.cpus)
    plan.hugepages = _pages(topology, seats, hugepages_mib, notes) if wishes.hugepages is None else wishes.hugepages
    plan.notes = notes
    check(plan, topology)
    return plan


def _share(plan: Plan, topology: Topology, seats: list[Seat], ports: list[Port], wishes: Overrides) -> None:
    every = sorted(cpu for node in topology.nodes for cpu in node.cpus)
    plan.housekeeping_cpus = wishes.housekeeping_cpus or every
    for port in ports:
        cpus = wishes.nic_cpus.get(port.interface, port.node.cpus)
        plan.nic_queues.append(NicQueues(port.interface, port.node.id, cpus))
    for seat in seats:
        cpus = wishes.engine_cpus.get(seat.device, seat.node.cpus)
        workers = wishes.worker_cpus.get(seat.device, seat.node.cpus)
        plan.engines.append(Engine(seat.device, seat.pci, seat.node.id, cpus, workers))


def _dedicate(plan: Plan, topology: Topology, seats: list[Seat], ports: list[Port], wishes: Overrides) -> None:
    engines: dict[str, Engine] = {}
    for node in topology.nodes:
        stock = _Stock(node, wishes)
        here = [seat for seat in seats if seat.node == node]
        local = [port for port in ports if port.node == node]
        if wishes.housekeeping_cpus is None and (here or local or node is topology.nodes[0]):
            plan.housekeeping_cpus += stock.take(housekeeping_cores(node))
        unplaced = [port for port in local if port.interface not in wishes.nic_cpus]
        shared = stock.take(interrupt_cores(node, unplaced)) if unplaced else []
        for port in local:
            cpus = wishes.nic_cpus.get(port.interface, shared)
            plan.nic_queues.append(NicQueues(port.interface, node.id, cpus))
        engines.update(_engines(stock, here, wishes))
        if wishes.housekeeping_cpus is None:
            plan.housekeeping_cpus += stock.rest()
    # In the order of the seats, which is CUDA's.
    plan.engines = [engines[seat.device] for seat in seats]
    plan.housekeeping_cpus = sorted(wishes.housekeeping_cpus or plan.housekeeping_cpus)


def _engines(stock: _Stock, seats: list[Seat], wishes: Overrides) -> dict[str, Engine]:
    """The engines of one node; their workers divide what is left, the first ones taking the odd cores."""
    engines = {}
    feeding = [seat for seat in seats if seat.device not in wishes.worker_cpus]
    for seat in seats:
        cpus = wishes.engine_cpus.get(seat.device)
        if cpus is None:
            wanted = GPU_ENGINE_CORES if seat.pci else max(int(len(stock) * CPU_ENGINE_PART), 1)
            cpus = stock.take(wanted)
        workers = wishes.worker_cpus.get(seat.device, [])
        engines[seat.device] = Engine(seat.device, seat.pci, seat.node.id, cpus, workers)
    for number, seat in enumerate(feeding):
        remaining = len(feeding) - number
        engines[seat.device].worker_cpus = stock.take(max(-(-len(stock) // remaining), 1))
    return engines


class _Stock:
    """The cores of a node that nobody holds yet, lowest first."""

    def __init__(self, node: Node, wishes: Overrides) -> None:
        self._node = node
        self._cores: list[Core] = [core for core in node.cores if not set(core) & wishes.cpus]

    def __len__(self) -> int:
        return len(self._cores)

    def take(self, count: int) -> list[int]:
        if count > len(self):
            raise TooFewCoresError(
                f"node {self._node.id} has {len(self._node.cores)} cores, too few for kernel, interrupts, engines and "
                "HTTP workers to have their own"
            )
        taken, self._cores = self._cores[:count], self._cores[count:]
        return sorted(cpu for core in taken for cpu in core)

    def rest(self) -> list[int]:
        return self.take(len(self))


def _pages(topology: Topology, seats: list[Seat], mib: int, notes: list[str]) -> list[Hugepages]:
    """2 MiB pages for the request arena of each engine, on its node."""
    pages = []
    for node in topology.nodes:
        wanted = mib * 1024 * sum(seat.node == node for seat in seats) // HUGEPAGE_2M_KIB
        count = min(wanted, node.memory_kib // DEFAULT_PAGES_MEMORY_PART // HUGEPAGE_2M_KIB)
        if count < wanted:
            notes.append(f"node {node.id} has memory for {count} of {wanted} hugepages")
        if count:
            pages.append(Hugepages(node.id, HUGEPAGE_2M_KIB, count))
    return pages
