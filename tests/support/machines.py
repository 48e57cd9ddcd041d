"""Machines as sysfs trees, built from a compact description."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Device:
    """A GPU (no interface name) or a NIC."""

    pci: str
    node: int
    interface: str = ""
    queues: int = 0
    virtio: bool = False
    link: bool = True


@dataclass(frozen=True)
class Machine:
    """Nodes of equal size; the second SMT thread of core c is CPU c + cores, as on Intel servers."""

    nodes: int
    cores_per_node: int
    threads: int
    memory_gib_per_node: int
    devices: Sequence[Device] = field(default_factory=tuple)

    @property
    def cores(self) -> int:
        return self.nodes * self.cores_per_node

    def siblings(self, core: int) -> list[int]:
        return [core + thread * self.cores for thread in range(self.threads)]

    def node_cpus(self, node: int) -> list[int]:
        first = node * self.cores_per_node
        return sorted(cpu for core in range(first, first + self.cores_per_node) for cpu in self.siblings(core))


# The article's host: Xeon Silver 4214 with one RTX A5000.
XEON_A5000 = Machine(1, 12, 2, 64, (Device("0000:65:00.0", -1), Device("0000:3d:00.0", 0, "eno1", 8)))
# Two sockets, eight GPUs, a NIC on each socket and a third without link.
EIGHT_GPUS = Machine(
    2,
    32,
    2,
    512,
    (
        *(Device(f"0000:{bus:02x}:00.0", 0) for bus in (0x1A, 0x1B, 0x3D, 0x3E)),
        *(Device(f"0000:{bus:02x}:00.0", 1) for bus in (0x88, 0x89, 0xB1, 0xB2)),
        Device("0000:18:00.0", 0, "ens1f0", 32),
        Device("0000:18:00.1", 0, "ens1f1", 32, link=False),
        Device("0000:86:00.0", 1, "ens2f0", 32),
    ),
)
VM_WITHOUT_GPU = Machine(1, 8, 1, 16, (Device("0000:00:03.0", -1, "eth0", 4, virtio=True),))
CONTAINER = Machine(1, 2, 1, 8)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def build(machine: Machine, root: Path) -> Path:
    """Lay the machine's /sys and /proc out under `root`."""
    cpu_base, node_base = root / "sys/devices/system/cpu", root / "sys/devices/system/node"
    cpus = machine.cores * machine.threads
    write(cpu_base / "online", f"0-{cpus - 1}")
    write(cpu_base / "offline", "")
    for core in range(machine.cores):
        siblings = ",".join(map(str, machine.siblings(core)))
        for cpu in machine.siblings(core):
            write(cpu_base / f"cpu{cpu}/topology/thread_siblings_list", siblings)
    for node in range(machine.nodes):
        base = node_base / f"node{node}"
        write(base / "cpulist", ",".join(map(str, machine.node_cpus(node))))
        write(base / "meminfo", f"Node {node} MemTotal: {machine.memory_gib_per_node * 1024 * 1024} kB")
        for size in (2048, 1048576):
            pool = base / f"hugepages/hugepages-{size}kB"
            write(pool / "nr_hugepages", "0")
            write(pool / "free_hugepages", "0")
    for number, device in enumerate(machine.devices):
        _device(root, device, first_irq=100 + 100 * number)
    return root


def _device(root: Path, device: Device, first_irq: int) -> None:
    slot = root / "sys/devices/pci0000:00" / device.pci
    write(slot / "vendor", "0x8086" if device.interface else "0x10de")
    write(slot / "device", "0x1572" if device.interface else "0x2231")
    write(slot / "class", "0x020000" if device.interface else "0x030000")
    write(slot / "numa_node", str(device.node))
    for irq in range(first_irq, first_irq + max(device.queues, 1)):
        write(slot / "msi_irqs" / str(irq), "msix")
        write(root / f"proc/irq/{irq}/smp_affinity_list", "0")
    link = root / "sys/bus/pci/devices" / device.pci
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(slot)
    if device.interface:
        behind = slot / "virtio0" if device.virtio else slot
        behind.mkdir(exist_ok=True)
        net = root / "sys/class/net" / device.interface
        write(net / "operstate", "up" if device.link else "down")
        (net / "device").symlink_to(behind)
        for queue in range(device.queues):
            write(net / f"queues/rx-{queue}/rps_cpus", "0")
            write(net / f"queues/tx-{queue}/xps_cpus", "0")
