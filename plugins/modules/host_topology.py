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
from ansible.module_utils.sysfs import interrupts, known_node, numbered, read
from ansible.module_utils.topology_gpus import gpus, mark_divided_gpus, tell_by_driver

# How a switching card names a port that stands for a virtual function: it has no interrupts of its own.
REPRESENTOR = re.compile(r"^(c\d+)?pf\d+(vf|sf)\d+$")
PCI_ADDRESS = re.compile(r"^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$")


def cpu_ids(text: str) -> List[int]:
    """Numbers of a kernel CPU list: "0-2,8" -> [0, 1, 2, 8]."""
    cpus: List[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        cpus.extend(range(int(first), int(last or first) + 1))
    return cpus


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


def has_link(interface: str) -> bool:
    """Whether packets can arrive; drivers that never report a state stay "unknown" and answer by their carrier."""
    state: str = read(os.path.join(interface, "operstate"))
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
        tell_by_driver(module, found["gpus"])
    module.exit_json(changed=False, topology=found)


if __name__ == "__main__":
    main()
