"""What `hotpath check` asks of the machine: memory, hugepages, processors, GPUs, versions.

A finding is a sentence with its way out. Serious ones keep the service from starting or from working as it is
configured; the others are worth knowing.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Iterator, List, Optional, Sequence, Set, Union

from hotpath.cgroup import memory_left, whole_cpus
from hotpath.config import Config
from hotpath.engine.visible import gpus_of_driver
from hotpath.models.built import EXPORTS_FROM, BuiltModel
from hotpath.supervisor.placement import Placement, seat_devices, slot_classes, threads_on, worker_count

# Resident memory of a process before its model, as measured with the tested sets on x86-64.
_TORCH_BYTES = 400_000_000
_NUMERIC_BYTES = 60_000_000
_WORKER_BYTES = 90_000_000
_ON_GPUS_ALONE = ("cuda", "tensorrt")
_CONTEXT_BYTES = 1_500_000_000
"""Host memory that CUDA's context and libraries take in each engine of a GPU."""


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, or worth knowing."""

    part: str
    text: str
    serious: bool = True


def memory(
    config: Config, models: Sequence[BuiltModel], placement: Placement, root: Path = Path("/")
) -> Iterator[Finding]:
    """Whether what the service will need is there. An estimate from below: what it surely takes."""
    needed = _needed(config, models, placement)
    available = available_memory(root)
    if available is not None and needed > available:
        yield Finding(
            "memory",
            f"The service needs about {_mib(needed)} MiB, and {_mib(available)} MiB are available. Free "
            "memory, or lower server.workers, limits.queue or models.engines.",
        )


def _needed(config: Config, models: Sequence[BuiltModel], placement: Placement) -> int:
    arena = 0 if config.placement.arena else arena_bytes(config, models)
    total = arena + worker_count(config, placement) * _WORKER_BYTES
    for entry, model in zip(config.models, models):
        size = model.artifact(entry.backend).stat().st_size
        for device in seat_devices(config, placement, entry):
            base = _NUMERIC_BYTES if entry.backend == "numeric" else _TORCH_BYTES
            total += size + base + (_CONTEXT_BYTES if device != "cpu" else 0)
    return total


def available_memory(root: Path = Path("/")) -> Optional[int]:
    """Bytes that new processes can have: the kernel's estimate, or less where a control group has a limit."""
    bounds = []
    for line in _lines(root / "proc/meminfo"):
        if line.startswith("MemAvailable:"):
            bounds.append(int(line.split()[1]) * 1024)
    left = memory_left(root)
    return min(bounds if left is None else [*bounds, left], default=None)


def hugepages(config: Config, models: Sequence[BuiltModel], root: Path = Path("/")) -> Iterator[Finding]:
    """Whether the arena's file system is one of huge pages and has enough of them free."""
    directory = config.placement.arena
    if not directory:
        return
    mount = _mount_of(directory, root)
    if mount is None or mount[1] != "hugetlbfs":
        kind = mount[1] if mount else "missing"
        yield Finding(
            "hugepages",
            f"placement.arena = {directory!r} is on no hugetlbfs ({kind}). Mount one, as the role hugepages "
            "does, or set placement.arena to an empty string.",
        )
        return
    page = _page_bytes(mount[2])
    name = f"hugepages-{page // 1024}kB"
    free = _number(root / "sys/kernel/mm/hugepages" / name / "free_hugepages") or 0
    needed = -(-arena_bytes(config, models) // page)
    if needed > free:
        yield Finding(
            "hugepages",
            f"The arena needs {needed} pages of {page // 1024} KiB, and {free} are free. Reserve more "
            "with the role hugepages, lower limits.queue, or set placement.arena to an empty string.",
        )


def arena_bytes(config: Config, models: Sequence[BuiltModel]) -> int:
    """Size of all slots."""
    return slot_classes(config, models).nbytes


def processors(config: Config, placement: Placement, root: Path = Path("/")) -> Iterator[Finding]:
    """Whether the CPUs of the plan are there."""
    online = parse_cpus((_lines(root / "sys/devices/system/cpu/online") or [""])[0])
    places = {f"the engine on {device}": place for device, place in placement.engines.items()}
    places.update({f"HTTP workers ({index})": place for index, place in enumerate(placement.workers)})
    for who, place in places.items():
        missing = sorted(set(place.cpus) - online)
        if missing:
            yield Finding(
                "processors",
                f"The plan places {who} on CPUs {missing}, which are not online. Make the plan again on this "
                "host with the role host_plan.",
            )
    threads = sum(
        threads_on(config, placement, entry, device)
        for entry in config.models
        for device in seat_devices(config, placement, entry)
        if device == "cpu"
    )
    usable = whole_cpus(len(online), placement.quota)
    if threads > usable and (placement.quota is not None or not placement.engines):
        has = f"the machine {usable}" if usable == len(online) else f"a quota leaves {placement.quota:g}"
        yield Finding(
            "processors",
            f"The engines on CPU have {threads} threads together, and {has} CPUs: they will wait for each "
            "other. Lower models.engines or models.threads, or set them to 0.",
            serious=False,
        )


def gpus(config: Config, placement: Placement, root: Path = Path("/")) -> Iterator[Finding]:
    """Whether every GPU that a model names is there: by the plan's address, the driver's files and torch."""
    wanted = sorted({device for entry in config.models for device in entry.devices if device != "cpu"})
    if not wanted:
        return
    files = sorted(root.glob("dev/nvidia[0-9]*"))
    if not files:
        yield Finding(
            "gpus",
            f"{', '.join(wanted)}: there is no /dev/nvidia0, so no driver is loaded. Install it with the "
            "role nvidia_driver, or correct models.devices.",
        )
        return
    seen = _gpus_of_torch()
    if isinstance(seen, str):
        yield Finding("gpus", seen)
        return
    there = gpus_of_driver(root)
    for device in wanted:
        pci = placement.engine(device).pci
        if pci and there:
            if pci not in there:
                yield Finding(
                    "gpus",
                    f"{device}: the plan has it at {pci}, and the driver has {', '.join(there)}. Look for it "
                    "(nvidia-smi, dmesg), or make the plan again with the role host_plan.",
                )
        elif int(device.partition(":")[2]) >= seen:
            yield Finding(
                "gpus",
                f"{device}: torch sees {seen} GPUs, and {len(files)} have device files. Compare nvidia-smi, "
                "the driver and the service's lock, or correct models.devices.",
            )


def backends(config: Config) -> Iterator[Finding]:
    """Whether back ends and devices go together, and torch is new enough for them."""
    for entry in config.models:
        if entry.backend in _ON_GPUS_ALONE and "cpu" in entry.devices:
            yield Finding(
                "models",
                f"{entry.name}: the back end {entry.backend} runs on NVIDIA GPUs, not on cpu. Set "
                'models.devices to a list such as ["cuda:0"], or models.backend to onednn or torchscript.',
            )
        torch = _version("torch") if entry.backend == "cuda" else None
        if torch is not None and tuple(map(int, torch.split(".")[:2])) < EXPORTS_FROM:
            yield Finding(
                "models",
                f"{entry.name}: the back end cuda wants torch {'.'.join(map(str, EXPORTS_FROM))} or newer, "
                f"and {torch} is installed. Install the service from a lock that holds it, or choose "
                "torchscript or tensorrt.",
            )


def versions(config: Config, models: Sequence[BuiltModel]) -> Iterator[Finding]:
    """Whether the models were made with what will run them."""
    here = {"python": platform.python_version(), "torch": _version("torch")}
    for entry, model in zip(config.models, models):
        if entry.backend == "numeric":
            continue
        made = model.document.get("built_with", {})
        for name, found in here.items():
            before = made.get(name)
            if before is not None and not _alike(before, found or "none", name):
                yield Finding(
                    "versions",
                    f"{entry.name} was built with {name} {before}, and {found or 'none'} will run it. Build "
                    "it again with this release (--again) if its probes are answered differently.",
                    serious=False,
                )


def control(config: Config) -> Iterator[Finding]:
    """Whether the control socket can be made."""
    path = config.server.control
    if path and not Path(path).parent.is_dir():
        yield Finding(
            "control",
            f"server.control = {path!r}: there is no directory {str(Path(path).parent)!r}. Make it, or let "
            "the unit do so at start (RuntimeDirectory).",
            serious=False,
        )


def parse_cpus(text: str) -> Set[int]:
    """CPUs of a list such as 0-3,8."""
    found: Set[int] = set()
    for part in text.strip().split(","):
        if part:
            first, _, last = part.partition("-")
            found.update(range(int(first), int(last or first) + 1))
    return found


def _gpus_of_torch() -> Union[int, str]:
    """How many GPUs torch sees, or why it can't say."""
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError where a library that torch needs is missing
        return f"torch can't be imported ({error}). Install the service from a lock that holds it."
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _version(package: str) -> Optional[str]:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _alike(before: str, found: str, name: str) -> bool:
    """Whether major and minor are the same, and for torch the local part, which names its CUDA.

    torch tells it of itself in any case; a package from PyPI does not tell it of torch.
    """
    (plain, _, local), (other, _, others) = before.partition("+"), found.partition("+")
    same_release = plain.split(".")[:2] == other.split(".")[:2]
    return same_release and not (name == "torch" and local and others and local != others)


def _mount_of(directory: str, root: Path) -> Optional[List[str]]:
    """Mount point, type and options of what `directory` is on."""
    best: Optional[List[str]] = None
    for line in _lines(root / "proc/mounts"):
        _, point, kind, options, *_ = line.split(" ")
        inside = point == "/" or directory == point or directory.startswith(point + "/")
        if inside and (best is None or len(point) >= len(best[0])):
            best = [point, kind, options]
    return best


def _page_bytes(options: str) -> int:
    """Page size of a hugetlbfs from its mount options, such as pagesize=2M."""
    for option in options.split(","):
        name, _, value = option.partition("=")
        if name == "pagesize":
            return int(value[:-1]) * {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}[value[-1]]
    return 2 << 20


def _lines(path: Path) -> List[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _number(path: Path) -> Optional[int]:
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdigit() else None


def _mib(count: int) -> int:
    return count >> 20
