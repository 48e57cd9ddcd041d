"""The model and the decoder alone, as our engine and workers run them: bounds that a server approaches.

Prints one line of JSON: images a second of the model at batch 8 without pause, milliseconds of a batch of 1
and of 8, milliseconds from body to slot for each size of photograph. Runs in the service's environment.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Callable, Dict

import numpy

from hotpath.codec import ImageLimits, ImageSpec, decode_into
from hotpath.config import ModelConfig
from hotpath.core import EngineSpec
from hotpath.engine.backend import create
from hotpath.memory import keep_freed_memory
from hotpath.models.built import load

SECONDS = 3.0


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


def main() -> int:
    """Run the command line: MODEL_DIRECTORY PHOTOGRAPHS."""
    settings = json.loads((Path(sys.argv[1]) / "peer.json").read_text())
    model = load(Path(settings["hotpath"]))
    entry = ModelConfig(name=model.identity.name, path=model.directory, backend=settings["backend"])
    keep_freed_memory()
    spec = EngineSpec(
        index=0,
        model=entry.name,
        model_path=model.directory,
        device="cpu",
        backend=entry.backend,
        threads=0,
        max_batch=8,
        cpus=tuple(sorted(os.sched_getaffinity(0))),
    )
    backend = create(entry.backend)
    backend.load(model, spec)
    image = numpy.random.default_rng(0).integers(0, 256, model.shape, dtype=numpy.uint8)
    batches = {
        size: repeat(lambda size=size: backend.finish(backend.launch([image] * size)), SECONDS)
        for size in (1, 8)
    }
    limits, picture = ImageLimits(), ImageSpec.from_dict(model.preprocessing)
    slot = numpy.zeros(model.shape, numpy.uint8)
    decode: Dict[str, float] = {}
    for folder in sorted(Path(sys.argv[2]).iterdir()):
        bodies = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
        seconds = [repeat(lambda body=body: decode_into(body, picture, limits, slot), 0.2) for body in bodies]
        decode[folder.name] = round(statistics.mean(seconds) * 1000, 3)
    found = {
        "images_per_second": round(8 / batches[8], 1),
        "batch_ms": {str(size): round(seconds * 1000, 3) for size, seconds in batches.items()},
        "decode_ms": decode,
    }
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
