"""The host's plan, as far as the service follows it: CPUs and memory node of engines and of HTTP workers."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from hotpath.cgroup import cpu_quota, whole_cpus
from hotpath.config import Config, ModelConfig
from hotpath.core import EngineSpec, Refusal
from hotpath.ipc.arena import SlotClasses, stride_of
from hotpath.models.built import BuiltModel
from hotpath.tasks import known

log = logging.getLogger(__name__)

_MUCH_SMALLER = 4
"""How many times larger the next class of slots is, at least."""

MOST_CPU_ENGINES = 4
"""Engines that a model has on the CPUs unless it states a number."""

FEWEST_WORKERS, MOST_WORKERS, MOST_WORKERS_OF_ENGINE = 2, 64, 16
"""HTTP workers unless their number is stated. With two, the death of one leaves another that answers; where a
quota leaves less than two CPUs there is one all the same."""


@dataclass(frozen=True)
class Place:
    """Where a process runs and has its memory."""

    cpus: Tuple[int, ...] = ()
    """Empty means wherever the supervisor may run."""
    node: Optional[int] = None
    """NUMA node; None leaves the memory to the kernel."""
    pci: str = ""
    """Address of the engine's GPU"""


@dataclass(frozen=True)
class Placement:
    """The engines' places by device, and one for HTTP workers on each node that has an engine."""

    engines: Mapping[str, Place]
    workers: Tuple[Place, ...]
    cores: int = 1
    """What the machine has for all processes; used for devices that the plan does not name."""
    quota: Optional[float] = None
    """CPUs of time that control groups leave all processes together, wherever they run; None for no limit."""

    def engine(self, device: str) -> Place:
        """The place of an engine, anywhere when the plan does not name its device."""
        return self.engines.get(device, Place())

    def workers_beside(self, device: str, workers: int) -> List[int]:
        """Which of the HTTP workers run on processors that an engine on `device` computes on."""
        if device != "cpu":
            return []
        own = set(self.engine(device).cpus)
        places = ((index, self.worker(index).cpus) for index in range(workers))
        return [index for index, cpus in places if not (own and cpus) or own.intersection(cpus)]

    def worker(self, index: int) -> Place:
        """The place of an HTTP worker: they take turns over the nodes."""
        return self.workers[index % len(self.workers)] if self.workers else Place()


def read(path: str) -> Placement:
    """The plan at `path`, or a free placement without one. Raises Refusal when it can't be understood."""
    if not path or not Path(path).exists():
        log.info("no plan at %r: processes run wherever the kernel puts them", path)
        return Placement({}, (), usable_cores(), _told_quota())
    try:
        plan: Dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        engines: List[Dict[str, Any]] = plan["engines"]
        places = {
            str(engine["device"]): _place(engine["numa_node"], engine["cpus"], engine.get("pci") or "")
            for engine in engines
        }
        beside: Dict[int, List[int]] = {}
        for engine in engines:
            beside.setdefault(engine["numa_node"], []).extend(engine["worker_cpus"])
        workers = tuple(_place(node, cpus) for node, cpus in sorted(beside.items()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refusal(
            f"placement.plan = {path!r} can't be understood ({type(error).__name__}: {error}).",
            "Make the plan again with the host_plan role, or set placement.plan to an empty string.",
        ) from error
    return Placement(places, workers, usable_cores(), _told_quota())


def _told_quota() -> Optional[float]:
    quota = cpu_quota()
    if quota is not None:
        log.info("control groups leave %g CPUs: workers, engines and threads are no more than that", quota)
    return quota


def _place(node: Any, cpus: List[Any], pci: str = "") -> Place:
    return Place(tuple(sorted({int(cpu) for cpu in cpus})), int(node), pci)


def engine_spec(
    config: Config, placement: Placement, entry: ModelConfig, path: Path, device: str, seat: int
) -> EngineSpec:
    """The engine on `seat` that runs the model in `path` on `device`."""
    place = placement.engine(device)
    return EngineSpec(
        index=seat,
        model=entry.name,
        model_path=path,
        device=device,
        backend=entry.backend,
        threads=threads_on(config, placement, entry, device),
        max_batch=config.batching.max_batch,
        cpus=place.cpus,
        numa_node=place.node,
        pci=place.pci,
    )


def worker_count(config: Config, placement: Placement) -> int:
    """HTTP workers: as stated; else one on each CPU that is left to them, so that each decodes on its own.

    With a plan those are the plan's. Without one they are the machine's cores less what engines on CPUs
    compute with, or less one for each engine on a GPU. Of a quota they have the same part.
    """
    if config.server.workers:
        return config.server.workers
    engines = [device for entry in config.models for device in seat_devices(config, placement, entry)]
    cores = whole_cpus(placement.cores, placement.quota)
    left = cores // 4 if "cpu" in engines else cores - len(engines)
    if placement.workers:
        planned = sum(len(place.cpus) for place in placement.workers)
        left = planned if placement.quota is None else min(planned, left)
    fewest = FEWEST_WORKERS if placement.quota is None else min(FEWEST_WORKERS, cores)
    return max(fewest, min(left, MOST_WORKERS, MOST_WORKERS_OF_ENGINE * len(engines)))


def slot_classes(config: Config, models: Sequence[BuiltModel]) -> SlotClasses:
    """The arena's slots: for the largest input of the models, or more where the configuration says so.

    Inputs of a quarter or less have slots of their own, which then add a third at most to the arena.
    """
    sizes: List[int] = []
    for size in sorted((known.outline(model).slot_bytes for model in models), reverse=True):
        if not sizes or _MUCH_SMALLER * stride_of(size) <= stride_of(sizes[0]):
            sizes.insert(0, size)
    sizes[-1] = max(sizes[-1], config.placement.slot_bytes)
    return SlotClasses(config.limits.queue, tuple(sizes))


def seat_devices(config: Config, placement: Placement, entry: ModelConfig) -> List[str]:
    """The device of each engine of a model."""
    return [device for device in entry.devices for _ in range(_engines_on(config, placement, entry, device))]


def _engines_on(config: Config, placement: Placement, entry: ModelConfig, device: str) -> int:
    """As stated; else one on a GPU, and on the CPUs several with few threads each.

    The threads of an engine wait for each other after every layer, and where one of them gives way to a
    decoder, all do. Engines wait for nobody. Each has its own copy of the model, hence no more than a few.
    """
    if entry.engines or device != "cpu":
        return entry.engines or 1
    return max(1, min(MOST_CPU_ENGINES, _cores_for(config, placement) // max(1, entry.threads)))


def threads_on(config: Config, placement: Placement, entry: ModelConfig, device: str) -> int:
    """Threads of each engine: as stated; else one on a GPU, where the engine computes nothing itself."""
    if entry.threads or device != "cpu":
        return entry.threads or 1
    return max(1, _cores_for(config, placement) // _engines_on(config, placement, entry, device))


def _cores_for(config: Config, placement: Placement) -> int:
    """What a model has on one mention of the CPUs among its devices: an equal part of what all have together.

    With a plan that is the device's CPUs. Without one, and of a quota, it is all cores, of which a quarter is
    left to the HTTP workers where there are four or more.
    """
    mentions = sum(entry.devices.count("cpu") for entry in config.models)
    cores = whole_cpus(placement.cores, placement.quota)
    shared, planned = cores - cores // 4, len(placement.engine("cpu").cpus)
    if planned:
        shared = planned if placement.quota is None else min(planned, shared)
    return max(1, shared // mentions)


def usable_cores() -> int:
    """Cores that this process may run on; the hardware threads of a core count once."""
    cores = set()
    for cpu in os.sched_getaffinity(0):
        path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        try:
            cores.add(path.read_text().strip())
        except OSError:  # not shown, as in some sandboxes
            cores.add(str(cpu))
    return len(cores)


def warn_of_gaps(config: Config, placement: Placement) -> None:
    """Log the devices that the plan has no CPUs for."""
    for entry in config.models:
        for device in entry.devices:
            if placement.engines and device not in placement.engines:
                log.warning("the plan has no engine on %s: %s runs there on any CPU", device, entry.name)
