"""Which GPUs get an engine, and the numbers by which CUDA knows them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from hotpath_planning.architectures import architecture_of, driver_misfits, runs_on
from hotpath_planning.model import Gpu, PlanError

NVIDIA = "nvidia"
# What lets a GPU go when NVIDIA's driver comes: nothing, and the kernel's own driver, which it blacklists.
YIELDING = ("", "nouveau")
ADDRESS = re.compile(r"(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])", re.IGNORECASE)
DEVICE_ID = re.compile(r"10de:([0-9a-f]{4})", re.IGNORECASE)

Kind = Literal["", "excluded", "away", "unfit"]


@dataclass(frozen=True)
class GpuDemands:
    """What the host's software asks of a GPU; empty values ask nothing."""

    excluded: tuple[str, ...] = ()
    """Addresses (0000:65:00.0 or 65:00.0), ids as lspci -nn writes them (10de:1fb2), or parts of names (T400)"""
    driver_version: str = ""
    driver_stream: str = ""
    capabilities: tuple[str, ...] = ()
    """Those that the service's libraries hold code for"""

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> GpuDemands:
        excluded = tuple(str(entry).strip() for entry in values.get("excluded") or ())
        if not all(excluded):
            raise PlanError(
                "host_plan_gpus_excluded has an empty entry, which would be every GPU; "
                "write an address such as 0000:65:00.0, an id such as 10de:1fb2 or a part of the name"
            )
        return cls(
            excluded,
            str(values.get("driver_version") or ""),
            str(values.get("driver_stream") or ""),
            tuple(map(str, values.get("capabilities") or ())),
        )


@dataclass(frozen=True)
class Choice:
    """What becomes of a GPU. Only one with a number and without a refusal gets an engine."""

    gpu: Gpu
    number: int | None
    """CUDA's under CUDA_DEVICE_ORDER=PCI_BUS_ID; None where CUDA will not see it"""
    kind: Kind = ""
    """excluded: by the user; away: another driver has it, or none; unfit: driver, libraries or MIG stand against it"""
    refusal: str = ""

    @property
    def serves(self) -> bool:
        return not self.refusal


def choose(gpus: Sequence[Gpu], demands: GpuDemands) -> list[Choice]:
    """One choice for each GPU, in the order of their addresses. Raises PlanError for what can't be matched."""
    loaded = any(gpu.driver == NVIDIA for gpu in gpus)
    found: list[Choice] = []
    number = 0
    for gpu in gpus:
        absent, kind = _unseen(gpu, demands, loaded)
        refusal = absent or _unfit(gpu, demands)
        if excluding := [entry for entry in demands.excluded if _matches(entry, gpu)]:
            kind, refusal = "excluded", f"host_plan_gpus_excluded names it ({excluding[0]})"
        elif refusal and not absent:
            kind = "unfit"
        found.append(Choice(gpu, None if absent else number, kind, refusal))
        number += not absent
    return found


def _unseen(gpu: Gpu, demands: GpuDemands, loaded: bool) -> tuple[str, Kind]:
    """Why CUDA will not see the GPU, "" where it will."""
    if gpu.driver not in (NVIDIA, *YIELDING):
        return f"the driver {gpu.driver} has it", "away"
    if gpu.hidden:
        return "NVIDIA's driver is told to leave it alone (NVreg_ExcludedGpus)", "away"
    known = architecture_of(gpu.device) if gpu.device else None
    if known and re.fullmatch(r"\d+(\.\d+)+", demands.driver_version):
        for misfit in driver_misfits(known, demands.driver_version, demands.driver_stream):
            return f"{misfit.what} does not take it: {misfit.reason.rstrip('.')}", "unfit"
    if loaded and gpu.driver != NVIDIA:
        return "NVIDIA's driver is loaded and does not have it ('dmesg | grep NVRM' on the host says why)", "away"
    return "", ""


def _unfit(gpu: Gpu, demands: GpuDemands) -> str:
    if gpu.mig:
        return "MIG is on, and an engine needs a whole GPU"
    known = architecture_of(gpu.device) if gpu.device else None
    if known and demands.capabilities and not runs_on(known.capability, demands.capabilities):
        return f"the service's torch has no code for {known.name} (capability {known.capability})"
    return ""


def _matches(entry: str, gpu: Gpu) -> bool:
    if address := ADDRESS.fullmatch(entry):
        return f"{address[1] or '0000'}:{address[2]}".lower() == gpu.pci.lower()
    if device := DEVICE_ID.fullmatch(entry):
        return device[1].lower() == gpu.device.lower().removeprefix("0x")
    if not gpu.name:
        raise PlanError(
            f"host_plan_gpus_excluded: the name of GPU {gpu.pci} is not known on this host, so {entry!r} can't be "
            f"compared with it; write its address, or its id 10de:{gpu.device or 'NNNN'}"
        )
    return fnmatchcase(gpu.name.lower(), f"*{entry.lower()}*")
