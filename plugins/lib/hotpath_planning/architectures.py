"""GPU architectures by PCI device id, and which compiled code and which driver each of them needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

OpenModules = Literal["never", "possible", "required"]


@dataclass(frozen=True)
class Architecture:
    """`capability` as CUDA writes it; the first and the last driver branch that knows it (0: no last one yet)."""

    name: str
    capability: str
    first_branch: int
    last_branch: int
    open_modules: OpenModules


@dataclass(frozen=True)
class Misfit:
    """Why a driver does not take a GPU: with what, the reason, the way out."""

    what: str
    reason: str
    remedy: str


KEPLER = Architecture("Kepler", "3.7", 331, 470, "never")
MAXWELL = Architecture("Maxwell", "5.2", 352, 580, "never")
PASCAL_GP100 = Architecture("Pascal", "6.0", 367, 580, "never")
PASCAL = Architecture("Pascal", "6.1", 367, 580, "never")
VOLTA = Architecture("Volta", "7.0", 384, 580, "never")
TURING = Architecture("Turing", "7.5", 410, 0, "possible")
AMPERE_GA100 = Architecture("Ampere", "8.0", 450, 0, "possible")
AMPERE = Architecture("Ampere", "8.6", 455, 0, "possible")
ADA = Architecture("Ada", "8.9", 520, 0, "possible")
HOPPER = Architecture("Hopper", "9.0", 520, 0, "possible")
BLACKWELL_GB10X = Architecture("Blackwell", "10.0", 570, 0, "required")
BLACKWELL_GB11X = Architecture("Blackwell Ultra", "10.3", 575, 0, "required")
BLACKWELL_GB20X = Architecture("Blackwell", "12.0", 570, 0, "required")

# First and last device id of each chip family, from the names in pci.ids; a family inside another's range comes first.
# Capabilities and the drivers' ends: NVIDIA's tables of CUDA GPUs and legacy GPUs. Open modules: NVIDIA's announcement
# of the transition (Turing and later may, Blackwell must).
_RANGES = (
    (0x15C2, 0x15FF, PASCAL_GP100),
    (0x1725, 0x172F, PASCAL_GP100),
    (0x0FA0, 0x130B, KEPLER),
    (0x1340, 0x17FD, MAXWELL),
    (0x1B00, 0x1D56, PASCAL),
    (0x1D81, 0x1DF6, VOLTA),
    (0x1E02, 0x1FF9, TURING),
    (0x2182, 0x21D1, TURING),
    (0x2080, 0x20FF, AMPERE_GA100),
    (0x2200, 0x223F, AMPERE),
    (0x2414, 0x25FB, AMPERE),
    (0x2302, 0x23F0, HOPPER),
    (0x2681, 0x28F8, ADA),
    (0x2900, 0x29F1, BLACKWELL_GB10X),
    (0x2B85, 0x2DF9, BLACKWELL_GB20X),
    (0x2F04, 0x2F58, BLACKWELL_GB20X),
    (0x3180, 0x323E, BLACKWELL_GB11X),
)


def architecture_of(device: str) -> Architecture | None:
    """`device` as sysfs writes it, "0x2231"; None for one that is newer than this table."""
    number = int(device, 16)
    return next((found for first, last, found in _RANGES if first <= number <= last), None)


def runs_on(capability: str, compiled: Iterable[str]) -> bool:
    """Whether code compiled for these capabilities runs on a GPU of this one.

    Machine code runs on the same major version and any later minor one; "+PTX" can be compiled for anything later.
    """
    major, minor = map(int, capability.split("."))
    for entry in compiled:
        entry_major, entry_minor = map(int, entry.removesuffix("+PTX").split("."))
        if (entry_major == major and entry_minor <= minor) or (
            entry.endswith("+PTX") and (entry_major, entry_minor) <= (major, minor)
        ):
            return True
    return False


def driver_misfits(known: Architecture, version: str, stream: str) -> Iterator[Misfit]:
    """What stands between GPUs of this architecture and a driver such as 510.47.03 of the stream 510-dkms."""
    branch = int(version.split(".")[0])
    if branch < known.first_branch:
        yield Misfit(
            f"driver {version}",
            f"Drivers know {known.name} from branch {known.first_branch} on; an older one does not see the GPU.",
            "Choose a stack_name with a newer driver, or raise nvidia_driver_version and nvidia_driver_stream.",
        )
    if known.last_branch and branch > known.last_branch:
        yield Misfit(
            f"driver {version}",
            f"Branch {known.last_branch} is the last that knows {known.name}.",
            "Choose a stack_name with an older driver.",
        )
    if "open" in stream and known.open_modules == "never":
        yield Misfit(
            f"stream {stream}",
            "The open kernel modules know Turing and later GPUs.",
            f"Choose a proprietary stream: nvidia_driver_stream: {branch}-dkms.",
        )
    if "open" not in stream and known.open_modules == "required":
        yield Misfit(
            f"stream {stream}",
            f"{known.name} works with the open kernel modules alone.",
            f"Choose them: nvidia_driver_stream: {branch}-open.",
        )
