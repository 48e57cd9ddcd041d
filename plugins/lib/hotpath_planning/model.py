"""What crosses the boundaries of the planner: the topology that comes in and the plan that goes out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

SCHEMA = 1
HUGEPAGE_2M_KIB = 2048
# Of nodes whose distance the firmware does not tell.
FAR = 255

Policy = Literal["throughput", "latency", "shared"]
Core = tuple[int, ...]  # the CPUs (SMT siblings) of one physical core


class PlanError(ValueError):
    """A plan cannot hold; the message names the reason and the way out."""


@dataclass(frozen=True)
class Node:
    """A NUMA node: its online cores, its memory, and how far the others are (ACPI's SLIT: 10 is the node itself)."""

    id: int
    cores: tuple[Core, ...]
    memory_kib: int
    distances: Mapping[int, int] = field(default_factory=dict, hash=False)

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
    """An NVIDIA GPU on the bus."""

    pci: str
    numa_node: int | None
    device: str = ""
    """PCI device id, such as 2231"""
    name: str = ""
    driver: str = ""
    """The driver that holds it, or that it is reserved for"""
    hidden: bool = False
    """NVIDIA's driver was told to leave it alone"""
    mig: bool = False
    """It is divided into instances, or made to be"""

    @property
    def title(self) -> str:
        return f"GPU {self.pci} ({self.name})" if self.name else f"GPU {self.pci}"


@dataclass(frozen=True)
class Topology:
    """The part of host_topology's answer that a plan depends on."""

    every_node: tuple[Node, ...]
    gpus: tuple[Gpu, ...]
    nics: tuple[Nic, ...]

    @classmethod
    def parse(cls, facts: Mapping[str, Any]) -> Topology:
        """From the module's answer, in whatever order."""
        cores = sorted(tuple(sorted(core)) for core in facts["cores"])
        ids = sorted(int(node["id"]) for node in facts["nodes"])
        nodes = (
            Node(
                node["id"],
                tuple(core for core in cores if set(core) <= set(node["cpus"])),
                node["memory_kib"],
                dict(zip(ids, node.get("distances", ()), strict=False)),
            )
            for node in sorted(facts["nodes"], key=lambda node: int(node["id"]))
        )
        known = {entry.name for entry in fields(Gpu)}
        gpus = (
            Gpu(**{key: value for key, value in gpu.items() if key in known})
            for gpu in sorted(facts["gpus"], key=lambda gpu: pci_order(gpu["pci"]))
        )
        nics = (
            Nic(nic["interface"], nic["numa_node"], max(nic["rx_queues"], nic["tx_queues"], 1))
            for nic in sorted(facts["nics"], key=lambda nic: str(nic["interface"]))
            if nic["link"]
        )
        return cls(tuple(nodes), tuple(gpus), tuple(nics))

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Those with CPUs; work goes nowhere else."""
        return tuple(node for node in self.every_node if node.cores)

    def memory_node(self, node: Node) -> Node:
        """Where the memory of what runs on the node lies: there, or on the nearest node that has some."""
        return node if node.memory_kib else self.nearest(node.id, [n for n in self.every_node if n.memory_kib]) or node

    def nearest(self, number: int | None, among: Iterable[Node]) -> Node | None:
        """Of these the one nearest to node `number`; of equally near ones the first with CPUs."""
        away = next((node.distances for node in self.every_node if node.id == number), {})
        return min(among, key=lambda node: (away.get(node.id, FAR), not node.cores, node.id), default=None)


def pci_order(address: str) -> tuple[int, ...]:
    """A PCI address so that addresses compare as the bus counts: domains have four digits or more."""
    return tuple(int(part, 16) for part in re.split(r"[:.]", address))


@dataclass
class Engine:
    """One engine process and the HTTP workers that feed it."""

    device: str
    pci: str | None
    numa_node: int
    """Where its memory and the workers' lies: the node of the CPUs, or the nearest with memory where that has none."""
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
