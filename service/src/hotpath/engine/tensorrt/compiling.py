"""Makes the engines of a model for the GPU at hand, judges them, and keeps them beside the model.

Written from the documentation of Torch-TensorRT 1.3 and 2.x; it has not run on a GPU yet.
"""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any, Dict, Mapping, Sequence, Tuple

import torch
from torch import Tensor, nn

from hotpath.core import EngineSpec, Refusal, TensorSpec
from hotpath.engine.tensorrt import store
from hotpath.engine.tensorrt.graphs import Form, prepare
from hotpath.engine.tensorrt.key import EngineKey, driver_version
from hotpath.engine.torch_backend import open_device
from hotpath.engine.visible import see_only
from hotpath.metrics.layout import buckets_up_to
from hotpath.models.built import BuiltModel
from hotpath.models.tracing import freeze
from hotpath.tasks import known

PRECISION = "float16"
_REMEDY = "Install the service from a lock that holds it (cuda11.6-py38.txt), or choose another back end."


def torch_tensorrt() -> Any:
    """The library, imported. Raises Refusal where it is missing or broken."""
    try:
        import torch_tensorrt as library
    except (ImportError, OSError, RuntimeError) as error:  # its shared objects fail in each of these ways
        raise Refusal(
            f"The back end tensorrt needs torch_tensorrt, which can't be imported: {error}.", _REMEDY
        ) from error
    return library


def device_of(spec: EngineSpec) -> torch.device:
    """The GPU of the engine. Raises Refusal where the device is none or not there."""
    if not spec.device.startswith("cuda"):
        raise Refusal(
            f"The back end tensorrt runs on NVIDIA GPUs, not on {spec.device}.",
            'Set models.devices to a list such as ["cuda:0"], or models.backend to onednn or torchscript.',
        )
    return open_device(spec)


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
    device = device_of(spec)
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
            files[size] = f"batch-{size}.ts"
            compiled = _compile(core, (size, *shape), device)
            torch.jit.save(compiled, str(directory / files[size]))
        cores = {size: _core(directory / files[size], device) for size in buckets}
        report = networks.judge(model, cores, device)
        forms = {size: networks.around(model, core).to(device) for size, core in cores.items()}
        graphs = _try_capture(forms, buckets, known.task(model).inputs[0])
        store.write_record(directory, key, files, graphs, report)
    return True


def form(model: BuiltModel, path: Path, device: torch.device) -> Form:
    """An engine's file as the whole model: the task's input of a batch to its outputs."""
    return known.networks(model).around(model, _core(path, device)).eval().to(device)


def _core(path: Path, device: torch.device) -> nn.Module:
    return _HalfNetwork(torch.jit.load(str(path), map_location=device))  # type: ignore[no-untyped-call]


class _HalfNetwork(nn.Module):
    """An engine takes half precision; what comes before and after it stays float32."""

    def __init__(self, engine: nn.Module) -> None:
        super().__init__()
        self.engine = engine

    def forward(self, inputs: Tensor) -> Tensor:
        """float32 to float32."""
        return self.engine(inputs.half().contiguous()).float()  # type: ignore[no-any-return]


def _compile(network: nn.Module, shape: Tuple[int, ...], device: torch.device) -> torch.jit.ScriptModule:
    """One engine of a fixed batch size.

    The TorchScript front end is in every version from 1.3 on, and what it makes can be saved. From 2.x on the
    weights decide the precision; 1.x takes float32 weights and is told. Nothing may stay in torch: a layer
    that TensorRT can't take is an error here, not a slow engine later.
    """
    library = torch_tensorrt()
    modern = int(str(library.__version__).split(".")[0]) >= 2
    # A copy: to round the weights and widen them again would change the network for good, by which the
    # engine is judged and the next one made.
    source = copy.deepcopy(network).half() if modern else network
    example = torch.zeros(shape, device=device, dtype=torch.half if modern else torch.float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        compiled = library.compile(
            freeze(source, example),
            ir="ts",
            inputs=[library.Input(shape=shape, dtype=torch.half)],
            enabled_precisions={torch.half},
            require_full_compilation=True,
            # The library's default was found when it was imported, from the device that was current then.
            device=library.Device(gpu_id=device.index or 0),
        )
    return compiled  # type: ignore[no-any-return]


def _try_capture(forms: Mapping[int, Form], buckets: Sequence[int], item: TensorSpec) -> Dict[str, Any]:
    """Whether these engines can be recorded as CUDA graphs; decided here once, stated in the record."""
    try:
        with torch.inference_mode(), torch.cuda.stream(torch.cuda.Stream()):  # type: ignore[no-untyped-call]
            prepare(forms, buckets, item, capture=True)
        return {"captured": True}
    except RuntimeError as error:
        return {"captured": False, "reason": str(error).splitlines()[0]}
