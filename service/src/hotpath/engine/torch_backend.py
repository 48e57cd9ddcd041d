"""What the torch back ends have in common, and the three simple ones: eager, torchscript, onednn."""

from __future__ import annotations

import os
from bisect import bisect_left
from typing import List, Sequence, Tuple

import numpy
import torch
from torch import Tensor

from hotpath.cgroup import usable_cpus
from hotpath.core import EngineSpec, Refusal, TensorSpec
from hotpath.engine.visible import VARIABLE
from hotpath.models.built import BuiltModel
from hotpath.tasks import known
from hotpath.tasks.task import Array, Item, Outputs, Pixels

Launched = Tuple[Tensor, ...]


class _Staged:
    """One input of a batch, gathered: memory that is kept from batch to batch."""

    def __init__(self, spec: TensorSpec, max_batch: int, device: torch.device) -> None:
        self._varies = spec.varies
        self._tensor = torch.zeros((max_batch, *spec.shape), dtype=getattr(torch, spec.dtype))
        if device.type == "cuda":
            self._tensor = self._tensor.pin_memory()
        self._rows: Array = self._tensor.numpy()
        self._device = device

    def gather(self, arrays: Sequence[Array], length: int) -> Tensor:
        """A batch of these, on the device; those that vary are filled up with zeros to `length`."""
        count = len(arrays)
        if not self._varies:
            numpy.stack(arrays, out=self._rows[:count])
            return self._tensor[:count].to(self._device, non_blocking=True)
        for row, array in zip(self._rows, arrays):
            row[: len(array)] = array
            row[len(array) : length] = 0
        return self._tensor[:count, :length].to(self._device, non_blocking=True)


class TorchBackend:
    """Device, staging buffers, and the way of a batch.

    Where inputs vary in length, the network is given one more tensor behind them: the units of each item,
    int64 of shape (batch,).
    """

    depth = 1
    pads = False
    packs = False
    graphs = False
    precision = "float32"

    def load(self, model: BuiltModel, spec: EngineSpec) -> None:
        """Open the device, load the module, prepare the staging buffers."""
        self._device = open_device(spec)
        self._module = self._load_module(model)
        self.packs = known.networks(model).packs(self._device.type)
        task = known.task(model)
        self._lengths = task.lengths
        self._varying = next((index for index, one in enumerate(task.inputs) if one.varies), None)
        self._staged = [_Staged(one, spec.max_batch, self._device) for one in task.inputs]

    def share(self, slots: Pixels) -> None:
        """Items are gathered into the staging buffers, wherever they lie."""

    def launch(self, items: Sequence[Item]) -> Launched:
        """Gather the slots into tensors and run; on CPU this returns when the batch is done."""
        inputs = self._gather(items)
        with torch.inference_mode():
            launched: Launched = self._module(*inputs)
        return launched

    def _gather(self, items: Sequence[Item]) -> List[Tensor]:
        if self._varying is None:
            return [staged.gather(arrays, 0) for staged, arrays in zip(self._staged, zip(*items))]
        units = [len(item[self._varying]) for item in items]
        length = self._lengths[bisect_left(self._lengths, max(units))]
        inputs = [staged.gather(arrays, length) for staged, arrays in zip(self._staged, zip(*items))]
        return [*inputs, torch.tensor(units).to(self._device, non_blocking=True)]

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
        if self._device.type != "cpu":
            raise Refusal(
                f"The back end onednn runs on a processor, not on {self._device}.",
                'Set models.devices to ["cpu"], or models.backend to one that runs on GPUs.',
            )
        self.precision = model.precision("onednn")
        return known.networks(model).lowered(model)


def open_gpu(spec: EngineSpec) -> torch.device:
    """The GPU of the engine. Raises Refusal where the device is none or not there."""
    if not spec.device.startswith("cuda"):
        raise Refusal(
            f"The back end {spec.backend} runs on NVIDIA GPUs, not on {spec.device}.",
            'Set models.devices to a list such as ["cuda:0"], or models.backend to onednn or torchscript.',
        )
    return open_device(spec)


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
