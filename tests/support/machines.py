"""Machines as sysfs trees, built from a compact description."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

GIB_KIB = 1024 * 1024


@dataclass(frozen=True)
class Device:
    """A GPU (no interface name), a NIC, or what its PCI class says."""

    pci: str
    node: int
    interface: str = ""
    queues: int = 0
    virtio: bool = False
    link: bool = True
    pci_class: str = ""  # empty: VGA controller, or Ethernet controller where it has an interface
    device_id: str = "0x2231"  # of a GPU; an RTX A5000
    driver: str = ""  # what holds it
    reserved_for: str = ""  # driver_override
    hidden: bool = False  # NVreg_ExcludedGpus names it
    second_port: str = ""  # another interface of the same PCI function, as on a ConnectX-3


@dataclass(frozen=True)
class Machine:
    """Nodes of equal size; the second SMT thread of core c is CPU c + cores, as on servers."""

    nodes: int
    cores_per_node: int
    threads: int
    memory_gib_per_node: int
    devices: Sequence[Device] = field(default_factory=tuple)
    adjacent: bool = False  # siblings are neighbours, as in KVM guests and on hybrid processors
    small_cores: int = 0  # cores with one thread after all others, on the last node
    offline: Sequence[int] = ()
    memory_only_gib: Sequence[int] = ()  # nodes without CPUs after those that have some
    numa: bool = True  # False: a kernel that shows no nodes at all
    bond: Sequence[str] = ()  # interfaces under bond0
    without_memory: Sequence[int] = ()  # nodes whose slots are empty
    distances: Sequence[Sequence[int]] = ()  # the firmware's table; 10 and 21 where it is left out

    @property
    def cores(self) -> int:
        return self.nodes * self.cores_per_node + self.small_cores

    @property
    def cpus(self) -> int:
        return self.nodes * self.cores_per_node * self.threads + self.small_cores

    def siblings(self, core: int) -> list[int]:
        """Every CPU of a core, online or not."""
        large = self.nodes * self.cores_per_node
        if core >= large:
            return [core + large * (self.threads - 1)]
        if self.adjacent:
            return [core * self.threads + thread for thread in range(self.threads)]
        return [core + thread * large for thread in range(self.threads)]

    def online(self, cpus: Iterable[int]) -> list[int]:
        return sorted(set(cpus) - set(self.offline))

    def node_cpus(self, node: int) -> list[int]:
        """The online CPUs of a node: the kernel lists no others."""
        first = node * self.cores_per_node
        last = self.cores if node == self.nodes - 1 else first + self.cores_per_node
        return self.online(cpu for core in range(first, last) for cpu in self.siblings(core))


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


# Of the database in hwdata: two vendors, a device with a subsystem.
PCI_IDS = """\
10dd  Evans & Sutherland
\t0100  Lightning 1200
10de  NVIDIA Corporation
\t1cb6  GP107GL [Quadro P620]
\t2231  GA102GL [RTX A5000]
\t\t10de 147e  RTX A5000
\t11ba  GK104GL [Quadro K5000]
10df  Emulex Corporation
\t2231  Not NVIDIA's"""


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def build(machine: Machine, root: Path) -> Path:
    """Lay the machine's /sys and /proc out under `root`."""
    _cpus(root / "sys/devices/system/cpu", machine)
    memory = [machine.memory_gib_per_node] * machine.nodes + list(machine.memory_only_gib)
    for node in machine.without_memory:
        memory[node] = 0
    write(root / "usr/share/hwdata/pci.ids", PCI_IDS)
    write(root / "proc/meminfo", f"MemTotal: {sum(memory) * GIB_KIB} kB")
    if machine.numa:
        for node, gib in enumerate(memory):
            base = root / f"sys/devices/system/node/node{node}"
            write(base / "cpulist", _list(machine.node_cpus(node) if node < machine.nodes else []))
            write(base / "distance", " ".join(map(str, _distances(machine, node, len(memory)))))
            write(base / "meminfo", f"Node {node} MemTotal: {gib * GIB_KIB} kB")
            _pools(base / "hugepages")
    else:
        _pools(root / "sys/kernel/mm/hugepages")
    for number, device in enumerate(machine.devices):
        _device(root, device, first_irq=100 + 100 * number)
    if machine.bond:
        _bond(root / "sys/class/net", machine.bond)
    return root


def _distances(machine: Machine, node: int, nodes: int) -> Sequence[int]:
    return machine.distances[node] if machine.distances else [10 if other == node else 21 for other in range(nodes)]


def _list(cpus: Iterable[int]) -> str:
    return ",".join(map(str, cpus))


def _cpus(base: Path, machine: Machine) -> None:
    write(base / "online", _list(machine.online(range(machine.cpus))))
    write(base / "offline", _list(machine.offline))
    for core in range(machine.cores):
        siblings = machine.online(machine.siblings(core))
        for cpu in siblings:
            write(base / f"cpu{cpu}/topology/thread_siblings_list", _list(siblings))


def _pools(base: Path) -> None:
    for size in (2048, 1048576):
        write(base / f"hugepages-{size}kB/nr_hugepages", "0")
        write(base / f"hugepages-{size}kB/free_hugepages", "0")


def _bond(net: Path, interfaces: Sequence[str]) -> None:
    """What the bonding driver adds: a virtual interface, links both ways, and a file among the interfaces."""
    write(net / "bonding_masters", "bond0")
    write(net / "bond0/operstate", "up")
    for interface in interfaces:
        (net / "bond0" / f"lower_{interface}").symlink_to(net / interface)
        (net / interface / "master").symlink_to(net / "bond0")


def _device(root: Path, device: Device, first_irq: int) -> None:
    slot = root / "sys/devices/pci0000:00" / device.pci
    write(slot / "vendor", "0x8086" if device.interface else "0x10de")
    write(slot / "device", "0x1572" if device.interface else device.device_id)
    write(slot / "class", device.pci_class or ("0x020000" if device.interface else "0x030000"))
    write(slot / "numa_node", str(device.node))
    for irq in range(first_irq, first_irq + max(device.queues, 1)):
        write(slot / "msi_irqs" / str(irq), "msix")
        write(root / f"proc/irq/{irq}/smp_affinity_list", "0")
    write(slot / "driver_override", device.reserved_for or "(null)")
    if device.driver:
        driver = root / "sys/bus/pci/drivers" / device.driver
        driver.mkdir(parents=True, exist_ok=True)
        (slot / "driver").symlink_to(driver)
    if device.driver == "nvidia":
        excluded = "Yes" if device.hidden else "No"
        write(
            root / "proc/driver/nvidia/gpus" / device.pci / "information",
            f"Model: \t\t NVIDIA RTX A5000\nBus Location: \t {device.pci}\nGPU Excluded:\t {excluded}",
        )
    link = root / "sys/bus/pci/devices" / device.pci
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(slot)
    for interface in filter(None, (device.interface, device.second_port)):
        behind = slot / "virtio0" if device.virtio else slot
        behind.mkdir(exist_ok=True)
        net = root / "sys/class/net" / interface
        write(net / "operstate", "up" if device.link else "down")
        (net / "device").symlink_to(behind)
        for queue in range(device.queues):
            write(net / f"queues/rx-{queue}/rps_cpus", "0")
            write(net / f"queues/tx-{queue}/xps_cpus", "0")
