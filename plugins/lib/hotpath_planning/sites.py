"""Which engines and interfaces live on which node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hotpath_planning.gpus import GpuDemands, choose
from hotpath_planning.model import Gpu, Node, PlanError, Topology
from hotpath_planning.overrides import Overrides
from hotpath_planning.text import cpu_list


@dataclass(frozen=True)
class Seat:
    """An engine before it has CPUs."""

    device: str
    pci: str | None
    node: Node
    memory: Node
    """The node itself, or the nearest with memory where it has none"""


@dataclass(frozen=True)
class Port:
    """An interface before its interrupts have CPUs."""

    interface: str
    queues: int
    node: Node


def engine_gpus(topology: Topology, demands: GpuDemands, notes: list[str]) -> dict[str, Gpu]:
    """By the name of its device (cuda:N): every GPU that gets an engine."""
    if not topology.gpus:
        raise PlanError(
            "the plan wants engines on GPUs, but sysfs shows no NVIDIA GPU. Check the PCI bus (lspci -d 10de:), "
            "or place the engine on the CPU with host_plan_engines_on: cpu"
        )
    choices = choose(topology.gpus, demands)
    left = [f"{choice.gpu.title} gets no engine: {choice.refusal}" for choice in choices if not choice.serves]
    if len(left) == len(choices):
        raise PlanError(
            f"the plan wants engines on GPUs, and none of them can have one. {'. '.join(left)}; mend one of these, "
            "or place the engine on the CPU with host_plan_engines_on: cpu"
        )
    notes += left
    return {f"cuda:{choice.number}": choice.gpu for choice in choices if choice.serves}


def seats(topology: Topology, gpus: Mapping[str, Gpu], wishes: Overrides, notes: list[str]) -> list[Seat]:
    """One engine for each of the GPUs, or one on the CPUs of the largest node where there is none."""
    if not gpus:
        linked = {nic.numa_node for nic in topology.nics}
        # Of equal nodes the one where requests arrive; one without memory would read everything from another.
        largest = max(topology.nodes, key=lambda node: (node.memory_kib > 0, len(node.cores), node.id in linked))
        largest = _node(topology, largest.id, wishes.engine_nodes.get("cpu"), "cpu", "engines: cpu", largest, notes)
        if len(topology.nodes) > 1:
            notes.append(f"the CPU engine stays on node {largest.id}; the other nodes do no inference")
        return [Seat("cpu", None, largest, topology.memory_node(largest))]
    first = topology.nodes[0]
    found = []
    for device, gpu in gpus.items():
        told = wishes.engine_nodes.get(device)
        node = _node(topology, gpu.numa_node, told, f"GPU {gpu.pci}", f"engines: {device}", first, notes)
        found.append(Seat(device, gpu.pci, node, topology.memory_node(node)))
    if idle := {node.id for node in topology.nodes} - {seat.node.id for seat in found}:
        notes.append(f"no GPU is on node {cpu_list(idle)}; no engine and no HTTP worker runs there")
    for bare, near in dict.fromkeys((seat.node.id, seat.memory.id) for seat in found if seat.node != seat.memory):
        notes.append(f"node {bare} has no memory; what runs there has its memory and hugepages on node {near}")
    return found


def ports(topology: Topology, seats: Sequence[Seat], wishes: Overrides, notes: list[str]) -> list[Port]:
    """Interrupts stay on their interface's node, whose cache its DMA fills, also where no engine is.

    The HTTP workers stay on the engine's node instead: decoded images are many times larger than what was received.
    """
    near = seats[0].node
    found = []
    for nic in topology.nics:
        told, key = wishes.nic_nodes.get(nic.interface), f"nic_queues: {nic.interface}"
        node = _node(topology, nic.numa_node, told, f"interface {nic.interface}", key, near, notes)
        found.append(Port(nic.interface, nic.queues, node))
    notes += _away(found, seats)
    if crowded := [port.interface for port in found if port.queues > len(port.node.cpus)]:
        notes.append(
            f"{_names(crowded)} more queues than CPUs on the node, so several share one; "
            "nic_irq_affinity_channels: planned makes them fewer"
        )
    return found


def _away(ports: Sequence[Port], seats: Sequence[Seat]) -> Iterator[str]:
    """What to know of interfaces on a node without engine."""
    nodes = {seat.node.id for seat in seats}
    for port in ports:
        if port.node.id not in nodes:
            yield (
                f"interface {port.interface} is on node {port.node.id}, where no engine is; its interrupts stay there "
                f"and its requests cross to node {cpu_list(nodes)} (a slot there would spare that)"
            )


def _names(interfaces: Sequence[str]) -> str:
    return f"interface{'s' * (len(interfaces) > 1)} {', '.join(interfaces)} {'have' if len(interfaces) > 1 else 'has'}"


def _node(
    topology: Topology, number: int | None, told: int | None, what: str, key: str, otherwise: Node, notes: list[str]
) -> Node:
    """The device's node: what the user says, else what the firmware says, else the nearest or a likely one."""
    by_id = {node.id: node for node in topology.nodes}
    if told is not None:
        if told not in by_id:
            has = cpu_list(by_id)
            raise PlanError(f"overrides: {key} is on node {told}, which has no CPU here; choose among {has}")
        return by_id[told]
    if number in by_id:
        return by_id[number]
    if number is not None:
        otherwise = topology.nearest(number, topology.nodes) or otherwise
    if len(topology.nodes) > 1:
        reason = "names no NUMA node" if number is None else f"is on node {number}, which has no CPU"
        notes.append(f"{what} {reason}; node {otherwise.id} is assumed (host_plan_overrides can say: numa_node)")
    return otherwise
