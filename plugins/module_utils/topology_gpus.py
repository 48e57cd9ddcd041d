"""NVIDIA's GPUs on the PCI bus: what holds them, what they are called, what divides them. Runs on Python 3.6."""

import glob
import os
import re
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.sysfs import interrupts, known_node, read

NVIDIA = "0x10de"
DISPLAY_CLASSES = ("0x0300", "0x0302")  # VGA controller, 3D controller


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
                "uuid": "",
                "memory_mib": 0,
                "numa_node": known_node(path),
                "irqs": interrupts(path),
            }
        )
    return found


def driver_of(device: str) -> str:
    """What holds the device, or will have it because it is reserved (driver_override); "" for nothing."""
    reserved: str = read(os.path.join(device, "driver_override"), "(null)")
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


def told_gpus(answer: str) -> Dict[str, Dict[str, Any]]:
    """UUID and memory by PCI address, from lines such as "00000000:65:00.0, GPU-5f1e..., 24564 MiB" of nvidia-smi."""
    found = {}
    for line in answer.splitlines():
        match = re.match(r"^\s*[0-9a-fA-F]*([0-9a-fA-F]{4}:[0-9a-fA-F:.]{7}), *(GPU-[0-9a-f-]+), *(\d+) MiB\s*$", line)
        if match:
            found[match.group(1).lower()] = {"uuid": match.group(2), "memory_mib": int(match.group(3))}
    return found


def tell_by_driver(module: AnsibleModule, found: List[Dict[str, Any]]) -> None:
    """Add what only the driver knows; where it does not answer, nothing is claimed."""
    program = module.get_bin_path("nvidia-smi")
    if program and any(gpu["driver"] == "nvidia" for gpu in found):
        fields = "--query-gpu=pci.bus_id,uuid,memory.total"
        code, answer, _ = module.run_command([program, fields, "--format=csv,noheader"])
        told = told_gpus(answer) if code == 0 else {}
        for gpu in found:
            gpu.update(told.get(gpu["pci"][-12:], {}))


def pci_order(address: str) -> List[int]:
    """So that addresses compare as the bus counts: domains have four digits or more."""
    return [int(part, 16) for part in re.split(r"[:.]", address)]
