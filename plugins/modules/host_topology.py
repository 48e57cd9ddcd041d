"""Ansible module: what the kernel says about CPUs, memory, GPUs and NICs (runs on the host's Python 3.6)."""

DOCUMENTATION = r"""
module: host_topology
short_description: Read the host's topology from sysfs
description:
  - Reads NUMA nodes, CPUs, SMT siblings, memory, hugepages, NVIDIA GPUs and physical NICs with their interrupts.
  - Where NVIDIA's driver holds a GPU, nvidia-smi is asked whether MIG divides it; sysfs does not tell.
  - Changes nothing and gives the same answer in check mode.
options:
  root:
    description: Directory under which C(sys) and C(proc) are read.
    type: path
    default: /
author: [Hotpath]
"""

EXAMPLES = r"""
- name: Read the host's topology
  host_topology:
  register: topology
"""

RETURN = r"""
topology:
  description:
    - C(cpus) (online and offline), C(cores) (SMT siblings together), C(nodes), C(gpus) and C(nics).
    - C(numa_node) is null where the firmware does not name a node. Memory is in KiB. C(distances) of a node are those
      to every node, in order of their numbers.
    - Of a GPU C(driver) is what holds it or what it is reserved for (driver_override), C(hidden) whether NVIDIA's
      driver was told to leave it alone, and C(name) that of the PCI database where the host has one.
  type: dict
  returned: always
"""

import glob
import os
import re
from typing import Any, Dict, List, Optional, Tuple

from ansible.module_utils.basic import AnsibleModule

NVIDIA = "0x10de"
DISPLAY_CLASSES = ("0x0300", "0x0302")  # VGA controller, 3D controller
# How a switching card names a port that stands for a virtual function: it has no interrupts of its own.
REPRESENTOR = re.compile(r"^(c\d+)?pf\d+(vf|sf)\d+$")
PCI_ADDRESS = re.compile(r"^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$")


def read(path: str, default: str = "") -> str:
    """The stripped content of a file; `default` where the kernel does not offer it (EINVAL on some attributes)."""
    try:
        with open(path) as stream:
            return stream.read().strip()
    except OSError:
        return default


def numbered(pattern: str, prefix: str) -> List[Tuple[int, str]]:
    """(number, path) of each `<prefix><number>` that the pattern finds, in order of the number."""
    found = []
    for path in glob.glob(pattern):
        number = os.path.basename(path)[len(prefix) :]
        if number.isdigit():
            found.append((int(number), path))
    return sorted(found)


def cpu_ids(text: str) -> List[int]:
    """Numbers of a kernel CPU list: "0-2,8" -> [0, 1, 2, 8]."""
    cpus: List[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        cpus.extend(range(int(first), int(last or first) + 1))
    return cpus


def pci_order(address: str) -> List[int]:
    """So that addresses compare as the bus counts: domains have four digits or more."""
    return [int(part, 16) for part in re.split(r"[:.]", address)]


def known_node(device: str) -> Optional[int]:
    """The device's NUMA node, None where the firmware names none (the kernel then says -1)."""
    node = int(read(os.path.join(device, "numa_node"), "-1"))
    return node if node >= 0 else None


def interrupts(device: str) -> List[int]:
    """Message-signalled interrupts of a PCI device, in order of their allocation."""
    return [irq for irq, _ in numbered(os.path.join(device, "msi_irqs", "*"), "")]


def pci_device(path: str) -> Optional[str]:
    """The PCI function that a sysfs device is, or that it hangs one level below, as a virtio NIC does.

    What hangs deeper, such as a management controller's interface on USB, has no interrupts of its own.
    """
    path = os.path.realpath(path)
    for candidate in (path, os.path.dirname(path)):
        if PCI_ADDRESS.match(os.path.basename(candidate)):
            return candidate
    return None


def cpus_and_cores(sys: str) -> Tuple[Dict[str, List[int]], List[List[int]]]:
    base = os.path.join(sys, "devices/system/cpu")
    online = cpu_ids(read(os.path.join(base, "online")))
    cores = set()
    for cpu in online:
        siblings = read(os.path.join(base, "cpu%d/topology/thread_siblings_list" % cpu), str(cpu))
        cores.add(tuple(sibling for sibling in cpu_ids(siblings) if sibling in online))
    cpus = {"online": online, "offline": cpu_ids(read(os.path.join(base, "offline")))}
    return cpus, [list(core) for core in sorted(cores)]


def memory_kib(*paths: str) -> int:
    """The total of the first file that names one: 0 there is a node without memory, not a missing answer."""
    for path in paths:
        match = re.search(r"MemTotal:\s*(\d+) kB", read(path))
        if match:
            return int(match.group(1))
    return 0


def hugepages(base: str) -> List[Dict[str, int]]:
    return [
        {
            "size_kib": int(re.sub(r"\D", "", os.path.basename(pool))),
            "total": int(read(os.path.join(pool, "nr_hugepages"), "0")),
            "free": int(read(os.path.join(pool, "free_hugepages"), "0")),
        }
        for pool in sorted(glob.glob(os.path.join(base, "hugepages-*kB")))
    ]


def nodes(sys: str, proc: str, online: List[int]) -> List[Dict[str, Any]]:
    """NUMA nodes; a kernel without NUMA is one node that holds everything."""
    found = [
        {
            "id": number,
            "cpus": [cpu for cpu in cpu_ids(read(os.path.join(path, "cpulist"))) if cpu in online],
            "memory_kib": memory_kib(os.path.join(path, "meminfo"), os.path.join(proc, "meminfo")),
            "distances": [int(distance) for distance in read(os.path.join(path, "distance")).split()],
            "hugepages": hugepages(os.path.join(path, "hugepages")),
        }
        for number, path in numbered(os.path.join(sys, "devices/system/node/node*"), "node")
    ]
    return found or [
        {
            "id": 0,
            "cpus": online,
            "memory_kib": memory_kib(os.path.join(proc, "meminfo")),
            "distances": [10],
            "hugepages": hugepages(os.path.join(sys, "kernel/mm/hugepages")),
        }
    ]


def gpus(root: str) -> List[Dict[str, Any]]:
    """NVIDIA GPUs in the order of their PCI address, which is CUDA's order under CUDA_DEVICE_ORDER=PCI_BUS_ID.

    Virtual functions are none: they are for virtual machines, and CUDA sees the GPU that they are part of.
    """
    found = []
    names = device_names(root)
    paths = glob.glob(os.path.join(root, "sys/bus/pci/devices/*"))
    for path in sorted(paths, key=lambda path: pci_order(os.path.basename(path))):
        display = read(os.path.join(path, "class"))[:6] in DISPLAY_CLASSES
        if not display or read(os.path.join(path, "vendor")) != NVIDIA or os.path.exists(os.path.join(path, "physfn")):
            continue
        address, device = os.path.basename(path), read(os.path.join(path, "device"))[2:]
        information = read(os.path.join(root, "proc/driver/nvidia/gpus", address, "information"))
        found.append(
            {
                "pci": address,
                "device": device,
                "name": names.get(device, ""),
                "driver": driver_of(path),
                "hidden": bool(re.search(r"^GPU Excluded:\s*Yes", information, re.MULTILINE)),
                "mig": False,
                "numa_node": known_node(path),
                "irqs": interrupts(path),
            }
        )
    return found


def driver_of(device: str) -> str:
    """What holds the device, or will have it because it is reserved (driver_override); "" for nothing."""
    reserved = read(os.path.join(device, "driver_override"), "(null)")
    if reserved not in ("", "(null)"):
        return reserved
    driver = os.path.join(device, "driver")
    return os.path.basename(os.readlink(driver)) if os.path.islink(driver) else ""


def device_names(root: str) -> Dict[str, str]:
    """NVIDIA's devices in the PCI database by their id; none where the host has no database."""
    try:
        with open(os.path.join(root, "usr/share/hwdata/pci.ids"), encoding="utf-8", errors="replace") as stream:
            text = stream.read()
    except OSError:
        return {}
    section = re.search(r"^%s  .*\n((?:[\t#].*\n)*)" % NVIDIA[2:], text, re.MULTILINE)
    return dict(re.findall(r"^\t([0-9a-f]{4})  (.+)$", section.group(1), re.MULTILINE)) if section else {}


def divided_gpus(answer: str) -> List[str]:
    """PCI addresses of the GPUs that MIG divides, from lines such as "00000000:65:00.0, Enabled" of nvidia-smi.

    It writes domains with eight digits, sysfs with four.
    """
    lines = [line.split(",") for line in answer.splitlines() if line.count(",") == 1]
    return [address.strip().lower()[-12:] for address, mode in lines if mode.strip() == "Enabled"]


def mark_divided_gpus(module: AnsibleModule, found: List[Dict[str, Any]]) -> None:
    """Ask the driver which of its GPUs MIG divides; where it does not answer, nothing is claimed."""
    program = module.get_bin_path("nvidia-smi")
    if program and any(gpu["driver"] == "nvidia" for gpu in found):
        code, answer, _ = module.run_command(
            [program, "--query-gpu=pci.bus_id,mig.mode.current", "--format=csv,noheader"]
        )
        divided = divided_gpus(answer) if code == 0 else []
        for gpu in found:
            gpu["mig"] = gpu["pci"] in divided


def has_link(interface: str) -> bool:
    """Whether packets can arrive; drivers that never report a state stay "unknown" and answer by their carrier."""
    state = read(os.path.join(interface, "operstate"))
    return state == "up" or (state == "unknown" and read(os.path.join(interface, "carrier")) == "1")


def nics(sys: str) -> List[Dict[str, Any]]:
    """Physical network interfaces: those with a PCI function of their own."""
    found = []
    for path in sorted(glob.glob(os.path.join(sys, "class/net/*"))):
        device = pci_device(os.path.join(path, "device")) if os.path.exists(os.path.join(path, "device")) else None
        if device is None or REPRESENTOR.match(read(os.path.join(path, "phys_port_name"))):
            continue
        found.append(
            {
                "interface": os.path.basename(path),
                "pci": os.path.basename(device),
                "link": has_link(path),
                "numa_node": known_node(device),
                "irqs": interrupts(device),
                "rx_queues": len(numbered(os.path.join(path, "queues/rx-*"), "rx-")),
                "tx_queues": len(numbered(os.path.join(path, "queues/tx-*"), "tx-")),
            }
        )
    return found


def topology(root: str) -> Dict[str, Any]:
    sys, proc = os.path.join(root, "sys"), os.path.join(root, "proc")
    cpus, cores = cpus_and_cores(sys)
    if not cpus["online"]:
        raise ValueError("%s/devices/system/cpu/online names no CPU; is sysfs mounted there?" % sys)
    return {
        "cpus": cpus,
        "cores": cores,
        "nodes": nodes(sys, proc, cpus["online"]),
        "gpus": gpus(root),
        "nics": nics(sys),
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={"root": {"type": "path", "default": "/"}},
        supports_check_mode=True,
    )
    try:
        found = topology(module.params["root"])
    except (OSError, ValueError) as error:
        module.fail_json(msg="The host's topology cannot be read: %s" % error)
    if module.params["root"] == "/":
        mark_divided_gpus(module, found["gpus"])
    module.exit_json(changed=False, topology=found)


if __name__ == "__main__":
    main()
