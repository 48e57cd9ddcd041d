"""What crosses the boundaries of the planner: the topology that comes in and the plan that goes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

SCHEMA = 1
HUGEPAGE_2M_KIB = 2048

Policy = Literal["throughput", "latency", "shared"]
Core = tuple[int, ...]  # the CPUs (SMT siblings) of one physical core


class PlanError(ValueError):
    """A plan cannot hold; the message names the reason and the way out."""


@dataclass(frozen=True)
class Node:
    """A NUMA node with its online cores."""

    id: int
    cores: tuple[Core, ...]
    memory_kib: int

    @property
    def cpus(self) -> list[int]:
        return sorted(cpu for core in self.cores for cpu in core)


@dataclass(frozen=True)
class Nic:
    """A physical interface whose link is up."""

    interface: str
    numa_node: int | None
    queues: int


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA GPU; its place in the list is its CUDA number under CUDA_DEVICE_ORDER=PCI_BUS_ID."""

    pci: str
    numa_node: int | None


@dataclass(frozen=True)
class Topology:
    """The part of host_topology's answer that a plan depends on."""

    nodes: tuple[Node, ...]
    gpus: tuple[Gpu, ...]
    nics: tuple[Nic, ...]

    @classmethod
    def parse(cls, facts: Mapping[str, Any]) -> Topology:
        """From the module's answer, in whatever order; nodes without CPUs (memory only) take no part."""
        cores = sorted(tuple(sorted(core)) for core in facts["cores"])
        nodes = (
            Node(node["id"], tuple(core for core in cores if set(core) <= set(node["cpus"])), node["memory_kib"])
            for node in sorted(facts["nodes"], key=lambda node: int(node["id"]))
        )
        gpus = (Gpu(gpu["pci"], gpu["numa_node"]) for gpu in sorted(facts["gpus"], key=lambda gpu: str(gpu["pci"])))
        nics = (
            Nic(nic["interface"], nic["numa_node"], max(nic["rx_queues"], nic["tx_queues"], 1))
            for nic in sorted(facts["nics"], key=lambda nic: str(nic["interface"]))
            if nic["link"]
        )
        return cls(tuple(node for node in nodes if node.cores), tuple(gpus), tuple(nics))


@dataclass
class Engine:
    """One engine process and the HTTP workers that feed it."""

    device: str
    pci: str | None
    numa_node: int
    cpus: list[int]
    worker_cpus: list[int]


@dataclass
class NicQueues:
    """Where the interrupts of an interface's queues are served."""

    interface: str
    numa_node: int
    cpus: list[int]


@dataclass
class Hugepages:
    """Pages of one size on one node."""

    numa_node: int
    size_kib: int
    count: int


@dataclass
class Plan:
    """Everything on the path of one request, placed. /etc/hotpath/plan.json holds it."""

    policy: Policy
    housekeeping_cpus: list[int] = field(default_factory=list)
    isolated_cpus: list[int] = field(default_factory=list)
    engines: list[Engine] = field(default_factory=list)
    nic_queues: list[NicQueues] = field(default_factory=list)
    hugepages: list[Hugepages] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **asdict(self)}
