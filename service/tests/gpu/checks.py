"""The checks, each a function of the directory with the built models; what it returns stands in the report.

A failed one raises. They were written without a GPU, so that the first run on one is theirs as well.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

import numpy

from gpu.models import build_all, built
from hotpath.core import EngineSpec
from hotpath.engine.backend import Backend
from hotpath.engine.checking import answers, verify
from hotpath.engine.factory import create
from hotpath.engine.warmup import warm
from hotpath.metrics.layout import buckets_up_to
from hotpath.models.built import BuiltModel
from hotpath.tasks import known

DEVICE = "cuda:0"
MAX_BATCH = 8
_LATENCY_BATCH = 32
_ARENA_BYTES = 64 << 20
_REPLAY_DIFFERENCE = 1e-3
"""Between a replay and the same kernels called one by one, which may be others of the same result."""


def models(room: Path) -> Dict[str, Any]:
    """Build every model in every form."""
    told = build_all(room)
    assert built(room), f"none could be built: {told}"
    return told


def programs(room: Path) -> Dict[str, Any]:
    """Each exported program, brought to the GPU and called without graphs, answers as the build did."""
    return _agreement(room, "cuda", records=False)


def backend(room: Path) -> Dict[str, Any]:
    """The back end cuda as it serves: every batch size of every model answers as the build did."""
    return _agreement(room, "cuda")


def torchscript(room: Path) -> Dict[str, Any]:
    """TorchScript in float32 on the GPU, without TF32, answers within the tolerance of float32."""
    return _agreement(room, "torchscript")


def tensorrt(room: Path) -> Dict[str, Any]:
    """Engines are built for this GPU, loaded again, and answer as the eager model does."""
    from hotpath.engine.tensorrt.compiling import build_engines
    from hotpath.engine.tensorrt.frontends import suffix

    model = built(room)["resnet50"]
    build_engines(model, DEVICE, MAX_BATCH)
    engine = _loaded(model, "tensorrt")
    difference = _verified(engine, "tensorrt", model)
    return {"front end": suffix(), "difference": difference, "graphs": engine.graphs}


def graphs(room: Path) -> Dict[str, Any]:
    """A replayed graph gives what its kernels give that are called one by one."""
    told: Dict[str, Any] = {}
    for name, model in _exported(room).items():
        replayed, direct = _loaded(model, "cuda"), _loaded(model, "cuda", records=False)
        if not replayed.graphs:
            told[name] = "can't be recorded; the log has the reason"
            continue
        probes = known.task(model).probes()[:MAX_BATCH]
        found, wanted = (one.finish(one.launch(probes)) for one in (replayed, direct))
        told[name] = max(float(numpy.abs(a - b.astype(float)).max()) for a, b in zip(found, wanted))
        assert told[name] <= _REPLAY_DIFFERENCE, f"{name}: {told[name]}"
    assert any(isinstance(one, float) for one in told.values()), f"nothing was recorded: {told}"
    return told


def pinning(room: Path) -> Dict[str, Any]:
    """Memory as the arena's is pinned, and batches that lie in it are read from there."""
    import torch

    model = built(room)["resnet50"]
    task, engine = known.task(model), _loaded(model, "cuda")
    arena = numpy.zeros(_ARENA_BYTES, numpy.uint8)
    engine.share(arena)
    ((pixels,),) = task.probes()[:1]
    slot = arena[4096 : 4096 + pixels.nbytes].reshape(pixels.shape)
    slot[...] = pixels
    assert torch.from_numpy(slot).is_pinned(), "CUDA does not know the slot as pinned"
    inside, outside = (answers(engine, task, [(one,)], 1) for one in (slot, pixels))
    assert inside == outside
    return {"MiB": _ARENA_BYTES >> 20}


def nvml(room: Path) -> Dict[str, Any]:
    """The driver's library tells of the device what the metrics want."""
    import torch

    from hotpath.engine.device import pci_address, reader

    torch.cuda.init()  # type: ignore[no-untyped-call]
    found: Dict[str, float] = {}

    class Row:
        def set(self, name: str, value: float) -> None:
            found[name] = value

    reader(pci_address(0))(Row())  # type: ignore[arg-type]
    assert found["hotpath_device_memory_bytes"] > 0
    return found


def latency(room: Path) -> Dict[str, Any]:
    """Milliseconds of a batch by size, in each form; those of cuda as a ratio to the others."""
    told: Dict[str, Any] = {}
    for name in ("resnet50", "efficientnet_lite0"):
        model = built(room).get(name)
        if model is None:
            continue
        task = known.task(model)
        forms = [form for form in ("eager", "torchscript", "cuda") if form in model.artifacts]
        tables = {}
        for form in forms:
            engine = _loaded(model, form, _LATENCY_BATCH)
            tables[form] = warm(engine, task.example, task.lengths, _LATENCY_BATCH)[task.lengths[0]]
        for size in buckets_up_to(_LATENCY_BATCH):
            row = {form: round(table[size] * 1000, 3) for form, table in tables.items()}
            against = {
                f"cuda/{form}": round(row["cuda"] / row[form], 2)
                for form in forms
                if "cuda" in row and form != "cuda"
            }
            told[f"{name}, {size}"] = {**row, **against}
    return told


def serve(room: Path) -> Dict[str, Any]:
    """`hotpath serve` with the back end cuda, photographs in a closed loop."""
    from gpu.serving import loaded

    found = built(room)
    name = "efficientnet_lite0" if "efficientnet_lite0" in found else "resnet50"
    return loaded(found[name], room)


def _agreement(room: Path, name: str, records: bool = True) -> Dict[str, Any]:
    told = {}
    for model_name, model in built(room).items():
        if name not in model.artifacts:
            told[model_name] = "has no such form"
            continue
        engine = _loaded(model, name, records=records)
        difference = _verified(engine, name, model)
        told[model_name] = f"{engine.precision}, within {difference:.2g}"
    assert any("within" in one for one in told.values()), f"nothing was compared: {told}"
    return told


def _verified(engine: Backend, name: str, model: BuiltModel) -> float:
    return verify(engine, name, model, known.task(model), buckets_up_to(MAX_BATCH))


def _exported(room: Path) -> Dict[str, BuiltModel]:
    return {name: model for name, model in built(room).items() if "cuda" in model.artifacts}


def _loaded(model: BuiltModel, name: str, max_batch: int = MAX_BATCH, records: bool = True) -> Any:
    engine: Any = create(name)
    if name == "cuda":
        engine.records = records
    spec = EngineSpec(0, model.identity.name, model.directory, DEVICE, name, 0, max_batch, ())
    engine.load(model, spec)
    return engine


def names() -> List[str]:
    """Of the checks, in the order in which they run."""
    return list(NEEDS)


NEEDS: Dict[str, Any] = {
    "models": (170.0, ["gpu"]),
    "programs": (60.0, ["gpu", "programs", "models"]),
    "backend": (60.0, ["gpu", "programs", "models"]),
    "graphs": (60.0, ["gpu", "programs", "models"]),
    "pinning": (40.0, ["gpu", "programs", "models"]),
    "nvml": (20.0, ["gpu", "nvml"]),
    "torchscript": (60.0, ["gpu", "models"]),
    "latency": (60.0, ["gpu", "models"]),
    "serve": (70.0, ["gpu", "programs", "models"]),
    "tensorrt": (150.0, ["gpu", "tensorrt", "models"]),
}
"""Of each check: the most seconds that it may take, and what it cannot be run without."""
