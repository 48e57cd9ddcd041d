"""How many cores each kind of work wants on a node, and which engines and interfaces live there."""

from __future__ import annotations

from dataclasses import dataclass

from hotpath_planning.model import Node, PlanError, Topology

# One core in eight for the kernel and one in eight for interrupts keeps decoding, the largest CPU cost of a request
# (docs/architecture.md), on the rest. Two housekeeping cores a node are enough for any size.
CORES_PER_SHARE = 8
HOUSEKEEPING_CORES_MAX = 2
# A GPU engine has one busy thread, which launches kernels; the sibling stays free for the driver's own threads.
GPU_ENGINE_CORES = 1
# On a CPU the model itself is most of the work.
CPU_ENGINE_PART = 0.75


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


def housekeeping_cores(node: Node) -> int:
    return min(max(len(node.cores) // CORES_PER_SHARE, 1), HOUSEKEEPING_CORES_MAX)


def interrupt_cores(node: Node, ports: list[Port]) -> int:
    """Cores that serve the interrupts of all interfaces on a node: no more than there are queues."""
    return min(max(len(node.cores) // CORES_PER_SHARE, 1), sum(port.queues for port in ports))


def seats(topology: Topology, engines_on: str, notes: list[str]) -> list[Seat]:
    """One engine for each GPU, or one on the CPUs of the largest node."""
    if engines_on == "cpu":
        largest = max(topology.nodes, key=lambda node: len(node.cores))
        if len(topology.nodes) > 1:
            notes.append(f"the CPU engine stays on node {largest.id}; the other nodes do no inference")
        return [Seat("cpu", None, largest)]
    if not topology.gpus:
        raise PlanError(
            "the plan wants engines on GPUs, but sysfs shows no NVIDIA GPU. Check the PCI bus (lspci -d 10de:), "
            "or place the engine on the CPU with host_plan_engines_on: cpu"
        )
    return [
        Seat(f"cuda:{number}", gpu.pci, _node(topology, gpu.numa_node, f"GPU {gpu.pci}", notes))
        for number, gpu in enumerate(topology.gpus)
    ]


def ports(topology: Topology, notes: list[str]) -> list[Port]:
    return [
        Port(nic.interface, nic.queues, _node(topology, nic.numa_node, f"interface {nic.interface}", notes))
        for nic in topology.nics
    ]


def _node(topology: Topology, number: int | None, what: str, notes: list[str]) -> Node:
    """The device's node; the first one when the firmware names none or the node has no CPU."""
    for node in topology.nodes:
        if node.id == number:
            return node
    first = topology.nodes[0]
    if len(topology.nodes) > 1:
        reason = "names no NUMA node" if number is None else f"is on node {number}, which has no CPU"
        notes.append(f"{what} {reason}; node {first.id} is assumed")
    return first
