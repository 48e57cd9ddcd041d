"""Which engines and interfaces live on which node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hotpath_planning.model import Node, PlanError, Topology
from hotpath_planning.text import cpu_list


@dataclass(frozen=True)
class Seat:
    """An engine before it has CPUs."""

    device: str
    pci: str | None
    node: Node


@dataclass(frozen=True)
class Port:
    """An interface before its interrupts have CPUs."""

    interface: str
    queues: int
    node: Node


def seats(topology: Topology, engines_on: str, notes: list[str]) -> list[Seat]:
    """One engine for each GPU, or one on the CPUs of the largest node."""
    if engines_on == "cpu":
        linked = {nic.numa_node for nic in topology.nics}
        # Of equal nodes the one where requests arrive.
        largest = max(topology.nodes, key=lambda node: (len(node.cores), node.id in linked))
        if len(topology.nodes) > 1:
            notes.append(f"the CPU engine stays on node {largest.id}; the other nodes do no inference")
        return [Seat("cpu", None, largest)]
    if not topology.gpus:
        raise PlanError(
            "the plan wants engines on GPUs, but sysfs shows no NVIDIA GPU. Check the PCI bus (lspci -d 10de:), "
            "or place the engine on the CPU with host_plan_engines_on: cpu"
        )
    first = topology.nodes[0]
    found = [
        Seat(f"cuda:{number}", gpu.pci, _node(topology, gpu.numa_node, f"GPU {gpu.pci}", first, notes))
        for number, gpu in enumerate(topology.gpus)
    ]
    if idle := {node.id for node in topology.nodes} - {seat.node.id for seat in found}:
        notes.append(f"no GPU is on node {cpu_list(idle)}; no engine and no HTTP worker runs there")
    return found


def ports(topology: Topology, seats: Sequence[Seat], notes: list[str]) -> list[Port]:
    """Interrupts stay on their interface's node, whose cache its DMA fills, also where no engine is.

    The HTTP workers stay on the engine's node instead: decoded images are many times larger than what was received.
    """
    near = seats[0].node
    found = [
        Port(nic.interface, nic.queues, _node(topology, nic.numa_node, f"interface {nic.interface}", near, notes))
        for nic in topology.nics
    ]
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


def _node(topology: Topology, number: int | None, what: str, otherwise: Node, notes: list[str]) -> Node:
    """The device's node; `otherwise` when the firmware names none or the node has no CPU."""
    for node in topology.nodes:
        if node.id == number:
            return node
    if len(topology.nodes) > 1:
        reason = "names no NUMA node" if number is None else f"is on node {number}, which has no CPU"
        notes.append(f"{what} {reason}; node {otherwise.id} is assumed")
    return otherwise
