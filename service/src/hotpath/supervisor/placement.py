"""The host's plan, as far as the service follows it: CPUs of engines and of HTTP workers."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

from hotpath.config import Config
from hotpath.core import EngineSpec, Refusal

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Placement:
    """CPUs by device, and those of the HTTP workers; empty means anywhere."""

    engine_cpus: Mapping[str, Tuple[int, ...]]
    worker_cpus: Tuple[int, ...]


def read(path: str) -> Placement:
    """The plan at `path`, or a free placement without one. Raises Refusal when it can't be understood."""
    if not path or not Path(path).exists():
        log.info("no plan at %r: processes run wherever the kernel puts them", path)
        return Placement({}, ())
    try:
        plan: Dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        engines: List[Dict[str, Any]] = plan["engines"]
        cpus = {str(engine["device"]): tuple(int(cpu) for cpu in engine["cpus"]) for engine in engines}
        workers = sorted({int(cpu) for engine in engines for cpu in engine["worker_cpus"]})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refusal(
            f"placement.plan = {path!r} can't be understood ({type(error).__name__}: {error}).",
            "Make the plan again with the host_plan role, or set placement.plan to an empty string.",
        ) from error
    return Placement(cpus, tuple(workers))


def engine_specs(config: Config, placement: Placement) -> List[EngineSpec]:
    """One engine for each model and device, in the order of the configuration."""
    wanted = [(model, device) for model in config.models for device in model.devices]
    specs = [
        EngineSpec(
            index=index,
            model=model.name,
            model_path=model.path,
            device=device,
            backend=model.backend,
            threads=model.threads,
            max_batch=config.batching.max_batch,
            cpus=placement.engine_cpus.get(device, ()),
        )
        for index, (model, device) in enumerate(wanted)
    ]
    for spec in specs:
        if placement.engine_cpus and not spec.cpus:
            log.warning("the plan has no engine on %s: engine %s runs on any CPU", spec.device, spec.label)
    return specs
