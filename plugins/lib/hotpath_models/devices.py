"""Which device of the host's plan a name in the inventory means: cpu, CUDA's number, a bus address or a UUID."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CUDA = re.compile(r"cuda:\d+")
ADDRESS = re.compile(r"(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])", re.IGNORECASE)
UUID = re.compile(r"GPU-[0-9a-f-]+", re.IGNORECASE)


class DeviceError(ValueError):
    """A device on which no engine can run; `remedy` is the way out."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True)
class KnownGpu:
    """A GPU as far as it is known: UUID and memory only once a driver holds it, `refusal` says why it has no engine."""

    pci: str
    device: str = ""
    uuid: str = ""
    memory_mib: int = 0
    refusal: str = ""


def known_gpus(engines: Iterable[Mapping[str, Any]], told: Iterable[Mapping[str, Any]]) -> list[KnownGpu]:
    """The GPUs of a plan's engines, with what the driver tells of them (pci, uuid, memory_mib)."""
    by_address = {str(gpu["pci"]).lower(): gpu for gpu in told}
    found = []
    for engine in engines:
        if engine.get("pci"):
            gpu = by_address.get(str(engine["pci"]).lower(), {})
            memory = int(gpu.get("memory_mib") or 0)
            found.append(KnownGpu(str(engine["pci"]), str(engine["device"]), str(gpu.get("uuid", "")), memory))
    return found


def planned_devices(engines: Iterable[Mapping[str, Any]]) -> list[str]:
    """Where engines run when an entry names no device: each device of the plan once."""
    return list(dict.fromkeys(str(engine["device"]) for engine in engines)) or ["cpu"]


def device_of(name: str, planned: Sequence[str], gpus: Sequence[KnownGpu]) -> str:
    """`cpu` or `cuda:<number>`. Raises DeviceError."""
    if name == "cpu":
        return name
    gpu = _gpu(name, gpus)
    if gpu is not None and gpu.refusal:
        raise DeviceError(
            f"{name} is GPU {gpu.pci}, which has no engine in the plan: {gpu.refusal}",
            f"Name another ({_listed(planned, gpus)}), or mend that.",
        )
    device = gpu.device if gpu is not None else name
    if device not in planned:
        if not (CUDA.fullmatch(name) or ADDRESS.fullmatch(name) or UUID.fullmatch(name)):
            raise DeviceError(
                f"{name} is no device",
                "A device is cpu, cuda:<number>, a GPU's address on the bus (0000:65:00.0) or its UUID (GPU-...).",
            )
        unknown = UUID.fullmatch(name) and any(not known.uuid for known in gpus)
        raise DeviceError(
            f"{name} is not on the host's plan, which has {_listed(planned, gpus)}",
            "UUIDs are known once the host has its driver; write the number or the address until then."
            if unknown
            else "Name one of these, or leave devices out for all of them.",
        )
    return device


def _gpu(name: str, gpus: Sequence[KnownGpu]) -> KnownGpu | None:
    """The one that a name means. Raises DeviceError where it means several."""
    if address := ADDRESS.fullmatch(name):
        whole = f"{address[1] or '0000'}:{address[2]}".lower()
        return next((gpu for gpu in gpus if gpu.pci.lower() == whole), None)
    if UUID.fullmatch(name):
        begun = [gpu for gpu in gpus if gpu.uuid.lower().startswith(name.lower())]
        if len(begun) > 1:
            raise DeviceError(f"{name} begins several UUIDs", "Write the whole UUID (nvidia-smi -L).")
        return begun[0] if begun else None
    return next((gpu for gpu in gpus if gpu.device == name), None)


def _listed(planned: Sequence[str], gpus: Sequence[KnownGpu]) -> str:
    at = {gpu.device: f"{gpu.device} at {gpu.pci}" for gpu in gpus}
    return ", ".join(at.get(device, device) for device in planned)
