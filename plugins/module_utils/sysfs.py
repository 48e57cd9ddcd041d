"""Files and devices of the kernel's sysfs. Runs on Python 3.6."""

import glob
import os
from typing import List, Optional, Tuple


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


def known_node(device: str) -> Optional[int]:
    """The device's NUMA node, None where the firmware names none (the kernel then says -1)."""
    node = int(read(os.path.join(device, "numa_node"), "-1"))
    return node if node >= 0 else None


def interrupts(device: str) -> List[int]:
    """Message-signalled interrupts of a PCI device, in order of their allocation."""
    return [irq for irq, _ in numbered(os.path.join(device, "msi_irqs", "*"), "")]
