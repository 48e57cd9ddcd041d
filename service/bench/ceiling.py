"""The model and the decoder alone, as our engines and workers run them: bounds that a server approaches.

Prints one line of JSON: images a second of the model at batch 8 without pause, in engines as the service
starts them here and in one engine with every CPU; milliseconds of a batch of 1 and of 8 in one of the former
while the others rest; milliseconds from body to slot for each size of photograph. Runs in the service's
environment.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Callable, Dict, List, Tuple

import numpy

from hotpath.codec import ImageLimits, ImageSpec, decode_into
from hotpath.config import Config
from hotpath.core import EngineSpec
from hotpath.engine.factory import create
from hotpath.memory import keep_freed_memory
from hotpath.models.built import load
from hotpath.supervisor.placement import engine_spec, read, seat_devices
from hotpath.tasks import known

SECONDS = 3.0
BATCH = 8


def repeat(work: Callable[[], object], seconds: float) -> float:
    """Median seconds of a call, over some seconds after a warm-up."""
    for _ in range(5):
        work()
    found, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return statistics.median(found)


def batch(spec: EngineSpec, size: int) -> float:
    """Seconds of a batch in an engine's form. To be called in a process of its own."""
    keep_freed_memory()
    model = load(spec.model_path)
    backend = create(spec.backend)
    backend.load(model, spec)
    task = known.task(model)
    item = task.example(task.lengths[-1])
    return repeat(lambda: backend.finish(backend.launch([item] * size)), SECONDS)


def together(specs: List[EngineSpec], size: int) -> List[float]:
    """Seconds of a batch in each of several engines that run at a time."""
    with multiprocessing.get_context("spawn").Pool(len(specs)) as pool:
        return pool.map(partial(batch, size=size), specs, chunksize=1)


def served(settings: Dict[str, str]) -> Tuple[List[EngineSpec], Path]:
    """The engines that the service starts here, and the model's directory."""
    path = Path(settings["hotpath"])
    entry = {"name": settings["name"], "path": path, "backend": settings["backend"]}
    config = Config.model_validate({"models": [entry]})
    placement, (model,) = read(config.placement.plan), config.models
    devices = seat_devices(config, placement, model)
    return [
        engine_spec(config, placement, model, path, device, seat) for seat, device in enumerate(devices)
    ], path


def main() -> int:
    """Run the command line: MODEL_DIRECTORY PHOTOGRAPHS."""
    specs, path = served(json.loads((Path(sys.argv[1]) / "peer.json").read_text()))
    rates = {
        f"{len(form)} x {form[0].threads}": sum(BATCH / seconds for seconds in together(form, BATCH))
        for form in (specs, [replace(specs[0], threads=len(os.sched_getaffinity(0)))])
    }
    batches = {size: together(specs[:1], size)[0] for size in (1, BATCH)}
    keep_freed_memory()
    model = load(path)
    limits, picture = ImageLimits(), ImageSpec.from_dict(model.document["preprocessing"])
    slot = numpy.zeros(picture.shape, numpy.uint8)
    decode: Dict[str, float] = {}
    for folder in sorted(Path(sys.argv[2]).iterdir()):
        bodies = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
        seconds = [repeat(lambda body=body: decode_into(body, picture, limits, slot), 0.2) for body in bodies]
        decode[folder.name] = round(statistics.mean(seconds) * 1000, 3)
    found = {
        "images_per_second": {form: round(rate, 1) for form, rate in rates.items()},
        "batch_ms": {str(size): round(seconds * 1000, 3) for size, seconds in batches.items()},
        "decode_ms": decode,
    }
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
