"""Two batches in flight: the inputs of one travel while the other computes.

Written from the documentation of torch.cuda; it has not run on a GPU yet.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Sequence, Tuple

import torch
from torch import Tensor

from hotpath.core import EngineSpec, Refusal, TensorSpec
from hotpath.engine.tensorrt import store
from hotpath.engine.tensorrt.compiling import PRECISION, device_of, form, key_of, torch_tensorrt
from hotpath.engine.tensorrt.graphs import prepare
from hotpath.engine.tensorrt.lanes import Lanes, bucket_for
from hotpath.models.built import BuiltModel
from hotpath.tasks import known
from hotpath.tasks.task import Item, Outputs, Pixels, Task


@dataclass
class _Lane:
    """What one batch in flight has to itself."""

    inputs: Tensor
    """on the device"""
    outputs: Tuple[Tensor, ...]
    """pinned host memory"""
    arrived: torch.cuda.Event = field(default_factory=torch.cuda.Event)
    done: torch.cuda.Event = field(default_factory=torch.cuda.Event)


Launched = Tuple[_Lane, int]


class TensorRTBackend:
    """Runs the stored engines of this GPU; never makes one, because that takes minutes."""

    depth = 2
    pads = True
    packs = False
    precision = PRECISION

    def __init__(self) -> None:
        # After a failure the thread that finishes launches too. A batch's buffers are those of its size, so
        # what belongs to one batch must lie in the stream without another's in between.
        self._enqueueing = threading.Lock()

    def load(self, model: BuiltModel, spec: EngineSpec) -> None:
        """Load the engines of every batch size, record their graphs, allocate the lanes. Raises Refusal."""
        torch_tensorrt()
        self._device = device_of(spec)
        engines = store.find(model.directory, key_of(model, self._device, spec.max_batch))
        self._buckets = sorted(engines.files)
        task = known.task(model)
        with torch.cuda.device(self._device), torch.inference_mode():
            self._copying = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            self._computing = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            forms = {size: form(model, engines.path(size), self._device) for size in self._buckets}
            with torch.cuda.stream(self._computing):
                self._batches = prepare(forms, self._buckets, task.inputs[0], engines.cuda_graphs)
            self._lanes = Lanes(self.depth, lambda: _lane(spec.max_batch, task))
            torch.cuda.synchronize()  # the lanes too were filled on a stream that no batch waits for

    def share(self, slots: Pixels) -> None:
        """Pin the memory that the slots lie in, so that the GPU reads it without a copy in between."""
        with torch.cuda.device(self._device):
            runtime = torch.cuda.cudart()  # type: ignore[no-untyped-call]
            code = int(runtime.cudaHostRegister(slots.ctypes.data, slots.nbytes, 0))
        if code != 0:
            raise Refusal(
                f"The arena of {slots.nbytes} bytes can't be pinned for {self._device} (CUDA error {code}).",
                "Raise the service's LimitMEMLOCK, or lower limits.queue.",
            )

    def launch(self, items: Sequence[Item]) -> Launched:
        """Enqueue copies, batch and results; returns once the items have left their slots."""
        count = len(items)
        batch = self._batches[bucket_for(count, self._buckets)]
        with self._lanes.taken(self._settle) as lane:
            with self._enqueueing, torch.cuda.device(self._device), torch.inference_mode():
                with torch.cuda.stream(self._copying):
                    for row, (item,) in zip(lane.inputs, items):
                        row.copy_(torch.from_numpy(item), non_blocking=True)
                    lane.arrived.record()
                with torch.cuda.stream(self._computing):
                    lane.arrived.wait()
                    batch.inputs[:count].copy_(lane.inputs[:count])
                    batch.run()
                    for kept, given in zip(lane.outputs, batch.outputs):
                        kept[:count].copy_(given[:count], non_blocking=True)
                    lane.done.record()
            lane.arrived.synchronize()
        return lane, count

    def finish(self, batch: Launched) -> Outputs:
        """Wait for the results; any thread may."""
        lane, count = batch
        try:
            lane.done.synchronize()
            return tuple(output[:count].numpy().copy() for output in lane.outputs)
        finally:
            self._lanes.give_back(lane)

    def _settle(self) -> None:
        self._copying.synchronize()
        self._computing.synchronize()


def _lane(max_batch: int, task: Task) -> _Lane:
    def tensor(spec: TensorSpec) -> Tensor:
        return torch.zeros((max_batch, *spec.shape), dtype=getattr(torch, spec.dtype))

    return _Lane(tensor(task.inputs[0]).cuda(), tuple(tensor(spec).pin_memory() for spec in task.outputs))
