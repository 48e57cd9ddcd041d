"""One GPU for a process: it sees its own and no other.

Torch-TensorRT writes the number of the device into an engine and moves there to run it, whatever device is
the current one. Where every process knows its GPU as number 0, an engine runs on each of several equal GPUs;
and nothing opens a context, which takes memory, on one that is somebody else's.
"""

from __future__ import annotations

import itertools
import os
from typing import MutableMapping, Optional

from hotpath.core import Refusal

VARIABLE = "CUDA_VISIBLE_DEVICES"
_ORDER = "CUDA_DEVICE_ORDER"


def see_only(device: str, environment: MutableMapping[str, str] = os.environ) -> str:
    """Hide all other GPUs from this process; what the device is called from now on.

    Of the GPUs that the environment leaves to the service, which `device` counts through: by their address on
    the bus, as the host's plan does, while CUDA by itself begins with the fastest. CUDA reads both once, when
    it is first asked for anything; Torch-TensorRT asks when it is imported. Raises Refusal where that many
    are not left.
    """
    kind, _, number = device.partition(":")
    if kind != "cuda":
        return device
    environment[VARIABLE] = _entry(device, int(number or 0), environment.get(VARIABLE))
    environment.setdefault(_ORDER, "PCI_BUS_ID")
    return "cuda:0"


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
