"""One GPU for a process: it sees its own and no other.

Torch-TensorRT writes the number of the device into an engine and moves there to run it, whatever device is
the current one. Where every process knows its GPU as number 0, an engine runs on each of several equal GPUs;
and nothing opens a context, which takes memory, on one that is somebody else's.
"""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path
from typing import List, MutableMapping, Optional, Tuple

from hotpath.core import Refusal

VARIABLE = "CUDA_VISIBLE_DEVICES"
_ORDER = "CUDA_DEVICE_ORDER"
_BY_ADDRESS = "PCI_BUS_ID"


def see_only(
    device: str,
    pci: str = "",
    environment: MutableMapping[str, str] = os.environ,
    root: Path = Path("/"),
) -> str:
    """Hide all other GPUs from this process; what the device is called from now on.

    Of the GPUs that the environment leaves to the service, which `device` counts through: by their address on
    the bus, as the host's plan does, while CUDA by itself begins with the fastest. Where the environment
    leaves them all, the plan's address `pci` says which one it is: numbers change when a GPU fails to come
    up, or is given to a virtual machine. CUDA reads both variables once, when it is first asked for anything;
    Torch-TensorRT asks when it is imported. Raises Refusal where there is no such GPU.
    """
    kind, _, number = device.partition(":")
    if kind != "cuda":
        return device
    ordinal, given = int(number or 0), environment.get(VARIABLE)
    if given is None and pci and environment.get(_ORDER, _BY_ADDRESS) == _BY_ADDRESS:
        ordinal = _ordinal_at(device, pci, gpus_of_driver(root), ordinal)
    environment[VARIABLE] = _entry(device, ordinal, given)
    environment.setdefault(_ORDER, _BY_ADDRESS)
    return "cuda:0"


def gpus_of_driver(root: Path = Path("/")) -> List[str]:
    """Addresses of the GPUs that CUDA counts, in its order; none where no driver is loaded."""
    found = []
    for directory in (root / "proc/driver/nvidia/gpus").glob("*"):
        try:
            information = (directory / "information").read_text()
        except OSError:
            information = ""
        # The driver lists those too that it was told to leave alone (NVreg_ExcludedGpus).
        if not re.search(r"^GPU Excluded:\s*Yes", information, re.MULTILINE):
            found.append(directory.name)
    return sorted(found, key=_bus_order)


def _bus_order(address: str) -> Tuple[int, ...]:
    """So that addresses compare as the bus counts: domains have four digits or more."""
    return tuple(int(part, 16) for part in re.split(r"[:.]", address))


def _ordinal_at(device: str, pci: str, known: List[str], otherwise: int) -> int:
    """CUDA's number of the GPU at this address. Raises Refusal."""
    if not known:
        return otherwise  # without a driver, torch says what is missing
    if pci not in known:
        raise Refusal(
            f"The plan has {device} on the GPU at {pci}, which the driver does not have; it has "
            f"{', '.join(known)}.",
            "Look for that GPU (nvidia-smi, dmesg), or make the plan again with the role host_plan.",
        )
    return known.index(pci)


def _entry(device: str, ordinal: int, given: Optional[str]) -> str:
    """What names the GPU. Raises Refusal."""
    if given is None:
        return str(ordinal)
    # CUDA takes what stands before the first entry that is none.
    left = list(
        itertools.takewhile(lambda entry: entry and entry[0] != "-", map(str.strip, given.split(",")))
    )
    if ordinal >= len(left):
        raise Refusal(
            f"An engine is to run on {device}, but {VARIABLE}={given!r} leaves {len(left)} GPUs.",
            f"Correct models.devices, which counts through them, or {VARIABLE}.",
        )
    return left[ordinal]
