"""Hand the cores of a host out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hotpath_planning.check import check
from hotpath_planning.demand import (
    cpu_engine_cores,
    gpu_engine_cores,
    housekeeping_cores,
    interrupt_cores,
    interrupt_order,
)
from hotpath_planning.gpus import GpuDemands
from hotpath_planning.model import (
    HUGEPAGE_2M_KIB,
    Core,
    Engine,
    Hugepages,
    NicQueues,
    Plan,
    PlanError,
    Policy,
    Topology,
)
from hotpath_planning.overrides import Overrides
from hotpath_planning.sites import Port, Seat, engine_gpus
from hotpath_planning.sites import ports as find_ports
from hotpath_planning.sites import seats as find_seats
from hotpath_planning.stock import Stock, TooFewCoresError

# Pages that nobody asked for by name take no more than this part of a node's memory.
DEFAULT_PAGES_MEMORY_PART = 8


def plan_host(
    facts: Mapping[str, Any],
    policy: Policy = "throughput",
    engines_on: str = "gpu",
    hugepages_mib: int = 256,
    overrides: Mapping[str, Any] | None = None,
    gpus: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan of one host.

    `throughput` gives each kind of work cores of its own; `latency` isolates those of the GPU engines besides;
    `shared` lets everything run everywhere on its node. A host with too few cores for disjoint sets gets `shared`
    and a note, unless overrides ask for what it cannot give. `hugepages_mib` is for each engine. `gpus` are the fields
    of GpuDemands.
    """
    topology = Topology.parse(facts)
    if not topology.nodes:
        raise PlanError("the topology has no node with CPUs; run host_topology on the host again")
    notes: list[str] = []
    devices = {} if engines_on == "cpu" else engine_gpus(topology, GpuDemands.parse(gpus or {}), notes)
    wishes = Overrides.parse(overrides or {}, list(devices) or ["cpu"], [nic.interface for nic in topology.nics])
    seats = find_seats(topology, devices, wishes, notes)
    ports = find_ports(topology, seats, wishes, notes)
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
    if wishes.isolated_cpus is not None:
        plan.isolated_cpus = wishes.isolated_cpus
    elif plan.policy == "latency":
        plan.isolated_cpus = _isolated(plan, notes)
    plan.hugepages = _pages(topology, seats, hugepages_mib, notes) if wishes.hugepages is None else wishes.hugepages
    plan.notes = notes
    check(plan, topology)
    return plan


def _share(plan: Plan, topology: Topology, seats: list[Seat], ports: list[Port], wishes: Overrides) -> None:
    every = sorted(cpu for node in topology.nodes for cpu in node.cpus)
    plan.housekeeping_cpus = wishes.housekeeping_cpus or every
    for node in topology.nodes:
        plan.nic_queues += _nic_queues([port for port in ports if port.node == node], node.cores, wishes)
    for seat in seats:
        cpus = wishes.engine_cpus.get(seat.device, seat.node.cpus)
        workers = wishes.worker_cpus.get(seat.device, seat.node.cpus)
        plan.engines.append(Engine(seat.device, seat.pci, seat.memory.id, cpus, workers))


def _dedicate(plan: Plan, topology: Topology, seats: list[Seat], ports: list[Port], wishes: Overrides) -> None:
    engines: dict[str, Engine] = {}
    # A node without engines has cores to spare for the kernel and everything else.
    relieved = any(node not in [seat.node for seat in seats] for node in topology.nodes)
    for node in topology.nodes:
        stock = Stock(node, wishes)
        here = [seat for seat in seats if seat.node == node]
        local = [port for port in ports if port.node == node]
        # The lowest cores, so that CPU 0 is among them: it keeps the kernel's time.
        if wishes.housekeeping_cpus is None and (here or local):
            plan.housekeeping_cpus += stock.take(housekeeping_cores(node, relieved))
        unplaced = [port for port in local if port.interface not in wishes.nic_cpus]
        serving = stock.take_cores(interrupt_cores(node, unplaced, bool(here))) if unplaced else []
        plan.nic_queues += _nic_queues(local, serving, wishes)
        engines.update(_engines(stock, here, wishes))
        if wishes.housekeeping_cpus is None:
            plan.housekeeping_cpus += stock.rest()
    # In the order of the seats, which is CUDA's.
    plan.engines = [engines[seat.device] for seat in seats]
    plan.housekeeping_cpus = sorted(wishes.housekeeping_cpus or plan.housekeeping_cpus)


def _nic_queues(ports: list[Port], cores: Sequence[Core], wishes: Overrides) -> list[NicQueues]:
    """The interfaces of one node; those that the user did not place share `cores`."""
    queues, placed = [], 0
    for port in ports:
        cpus = wishes.nic_cpus.get(port.interface)
        if cpus is None:
            cpus = interrupt_order(cores, placed)
            placed += port.queues
        queues.append(NicQueues(port.interface, port.node.id, cpus))
    return queues


def _engines(stock: Stock, seats: list[Seat], wishes: Overrides) -> dict[str, Engine]:
    """The engines of one node; their workers divide what is left, the first ones taking the odd cores."""
    engines = {}
    feeding = [seat for seat in seats if seat.device not in wishes.worker_cpus]
    for_gpu = gpu_engine_cores(stock.cores, len(seats))
    for seat in seats:
        cpus = wishes.engine_cpus.get(seat.device)
        if cpus is None:
            cpus = stock.take(for_gpu if seat.pci else cpu_engine_cores(stock.cores))
        workers = wishes.worker_cpus.get(seat.device, [])
        engines[seat.device] = Engine(seat.device, seat.pci, seat.memory.id, cpus, workers)
    for number, seat in enumerate(feeding):
        remaining = len(feeding) - number
        engines[seat.device].worker_cpus = stock.take(max(-(-len(stock.cores) // remaining), 1))
    return engines


def _isolated(plan: Plan, notes: list[str]) -> list[int]:
    """The CPUs of GPU engines. Not those of a CPU engine: the scheduler spreads no threads over isolated CPUs."""
    isolated = sorted(cpu for engine in plan.engines if engine.pci for cpu in engine.cpus)
    if not isolated:
        notes.append("no CPU is isolated: an engine on CPUs needs the scheduler to spread its threads")
    return isolated


def _pages(topology: Topology, seats: list[Seat], mib: int, notes: list[str]) -> list[Hugepages]:
    """2 MiB pages for the request arena of each engine, on the node of its memory."""
    pages = []
    for node in topology.every_node:
        wanted = mib * 1024 * sum(seat.memory == node for seat in seats) // HUGEPAGE_2M_KIB
        count = min(wanted, node.memory_kib // DEFAULT_PAGES_MEMORY_PART // HUGEPAGE_2M_KIB)
        if count < wanted:
            notes.append(f"node {node.id} has memory for {count} of {wanted} hugepages")
        if count:
            pages.append(Hugepages(node.id, HUGEPAGE_2M_KIB, count))
    return pages
