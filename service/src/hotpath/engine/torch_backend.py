"""What the torch back ends have in common, and the three simple ones: eager, torchscript, onednn."""

from __future__ import annotations

import os
from typing import Sequence, Tuple

import numpy
import torch
from torch import Tensor

from hotpath.cgroup import usable_cpus
from hotpath.core import EngineSpec, Refusal
from hotpath.engine.visible import VARIABLE
from hotpath.models.built import BuiltModel
from hotpath.tasks import known
from hotpath.tasks.task import Array, Outputs, Pixels

Launched = Tuple[Tensor, ...]


class TorchBackend:
    """Device, staging buffer, and the way of a batch."""

    depth = 1
    pads = False
    precision = "float32"

    def load(self, model: BuiltModel, spec: EngineSpec) -> None:
        """Open the device, load the module, prepare the staging buffer."""
        self._device = open_device(spec)
        self._module = self._load_module(model)
        item = known.task(model).input
        self._staging = torch.empty((spec.max_batch, *item.shape), dtype=getattr(torch, item.dtype))
        if self._device.type == "cuda":
            self._staging = self._staging.pin_memory()
        self._rows: Array = self._staging.numpy()

    def share(self, slots: Pixels) -> None:
        """Inputs are gathered into the staging buffer, wherever they lie."""

    def launch(self, inputs: Sequence[Array]) -> Launched:
        """Gather the slots into one tensor and run; on CPU this returns when the batch is done."""
        numpy.stack(inputs, out=self._rows[: len(inputs)])
        with torch.inference_mode():
            launched: Launched = self._module(
                self._staging[: len(inputs)].to(self._device, non_blocking=True)
            )
        return launched

    def finish(self, batch: Launched) -> Outputs:
        """Bring the outputs to the host."""
        return tuple(tensor.cpu().numpy() for tensor in batch)

    def _load_module(self, model: BuiltModel) -> torch.nn.Module:
        raise NotImplementedError


class TorchScriptBackend(TorchBackend):
    """Runs the traced and frozen module of the built model."""

    def _load_module(self, model: BuiltModel) -> torch.nn.Module:
        path = str(model.artifact("torchscript"))
        return torch.jit.load(path, map_location=self._device)  # type: ignore[no-untyped-call,no-any-return]


class EagerBackend(TorchBackend):
    """Runs the model as its architecture's Python code."""

    def _load_module(self, model: BuiltModel) -> torch.nn.Module:
        return known.networks(model).eager(model).to(self._device)


class OneDnnBackend(TorchBackend):
    """Runs the model on a processor, lowered to fused kernels, in the precision that its build chose."""

    def _load_module(self, model: BuiltModel) -> torch.nn.Module:
        from hotpath.models.lowering import program

        if self._device.type != "cpu":
            raise Refusal(
                f"The back end onednn runs on a processor, not on {self._device}.",
                'Set models.devices to ["cpu"], or models.backend to one that runs on GPUs.',
            )
        lowered = program.load(model.artifact("onednn"))
        self.precision = lowered.precision
        return known.networks(model).lowered(model, lowered)


def open_device(spec: EngineSpec) -> torch.device:
    """The device of the engine. Raises Refusal where it is not there."""
    device = torch.device(spec.device)
    if device.type == "cpu":
        torch.set_num_threads(spec.threads or usable_cpus())
        return device
    available = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if (device.index or 0) >= available:
        shown = os.environ.get(VARIABLE)
        of = f" of {VARIABLE}={shown}" if shown is not None else ""
        raise Refusal(
            f"The model {spec.model} is to run on {spec.device}{of}, but torch {torch.__version__} sees "
            f"{available} GPUs.",
            "Check the driver with nvidia-smi and the service's lock, or correct models.devices.",
        )
    # From Ampere on, torch rounds the inputs of float32 convolutions to 10 bits unless it is told not to.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return device
