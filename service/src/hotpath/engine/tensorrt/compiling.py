"""Makes the engines of a model for the GPU at hand, judges them, and keeps them beside the model.

Written from the documentation of Torch-TensorRT; it has not run on a GPU yet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Mapping

import torch

from hotpath.core import EngineSpec, Refusal
from hotpath.engine.graphs import Form, Inputs, Shape, prepare
from hotpath.engine.tensorrt import frontends, store
from hotpath.engine.tensorrt.frontends import torch_tensorrt
from hotpath.engine.tensorrt.key import EngineKey, driver_version
from hotpath.engine.torch_backend import open_gpu
from hotpath.engine.visible import see_only
from hotpath.metrics.layout import buckets_up_to
from hotpath.models.built import BuiltModel
from hotpath.tasks import known

PRECISION = "float16"


def key_of(model: BuiltModel, device: torch.device, max_batch: int) -> EngineKey:
    """The key of the engines that this process could run."""
    library = torch_tensorrt()
    import tensorrt

    properties = torch.cuda.get_device_properties(device)
    return EngineKey(
        model=str(model.document["files"][model.artifacts["eager"]]),
        gpu=properties.name,
        compute_capability=f"{properties.major}.{properties.minor}",
        driver=driver_version(),
        torch=str(torch.__version__),
        torch_tensorrt=str(library.__version__),
        tensorrt=str(tensorrt.__version__),
        precision=PRECISION,
        buckets=",".join(str(size) for size in buckets_up_to(max_batch)),
    )


def build_engines(model: BuiltModel, device_name: str, max_batch: int) -> bool:
    """Make the engines unless they are there; whether they were made. Raises Refusal or ModelError."""
    name = see_only(device_name)  # before anything asks CUDA; torch may have been imported, it does not ask
    spec = EngineSpec(0, model.identity.name, model.directory, name, "tensorrt", 0, max_batch, ())
    device = open_gpu(spec)
    key = key_of(model, device, max_batch)
    try:
        store.find(model.directory, key)
    except Refusal:
        pass
    else:
        return False
    buckets = buckets_up_to(max_batch)
    with store.replacing(model.directory, key) as directory, torch.cuda.device(device):
        networks = known.networks(model)
        core, shape = networks.core(model).to(device), networks.core_shape(model)
        files = {}
        for size in buckets:
            files[size] = f"batch-{size}{frontends.suffix()}"
            frontends.compile_to(directory / files[size], core, (size, *shape), device)
        cores = {size: frontends.load(directory / files[size], device) for size in buckets}
        report = networks.judge(model, cores, device)
        forms = {size: networks.around(model, core).to(device) for size, core in cores.items()}
        graphs = _try_capture(forms, Inputs(known.task(model).inputs, max(buckets), device))
        store.write_record(directory, key, files, graphs, report)
    return True


def form(model: BuiltModel, path: Path, device: torch.device) -> Form:
    """An engine's file as the whole model: the task's input of a batch to its outputs."""
    return known.networks(model).around(model, frontends.load(path, device)).eval().to(device)


def _try_capture(forms: Mapping[int, Form], inputs: Inputs) -> Dict[str, Any]:
    """Whether these engines can be recorded as CUDA graphs; decided here once, stated in the record."""
    shapes = [Shape(1, size) for size in forms]
    try:
        with torch.inference_mode(), torch.cuda.stream(torch.cuda.Stream()):  # type: ignore[no-untyped-call]
            prepare(lambda shape: forms[shape.size], shapes, inputs, capture=True)
        return {"captured": True}
    except RuntimeError as error:
        return {"captured": False, "reason": str(error).splitlines()[0]}
