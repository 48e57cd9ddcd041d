"""Two batches in flight: the pixels of one travel while the other computes.

Written from the documentation of torch.cuda; it has not run on a GPU yet.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Sequence, Tuple

import torch
from torch import Tensor

from hotpath.core import EngineSpec, Refusal
from hotpath.engine.tensorrt import store
from hotpath.engine.tensorrt.compiling import PRECISION, device_of, form, key_of, torch_tensorrt
from hotpath.engine.tensorrt.graphs import prepare
from hotpath.engine.tensorrt.lanes import Lanes, bucket_for
from hotpath.models.built import BuiltModel
from hotpath.tasks.task import Outputs, Pixels


@dataclass
class _Lane:
    """What one batch in flight has to itself."""

    pixels: Tensor
    """uint8 on the device"""
    scores: Tensor
    classes: Tensor
    """pinned host memory"""
    arrived: torch.cuda.Event = field(default_factory=torch.cuda.Event)
    done: torch.cuda.Event = field(default_factory=torch.cuda.Event)


Launched = Tuple[_Lane, int]


class TensorRTBackend:
    """Runs the stored engines of this GPU; never makes one, because that takes minutes."""

    depth = 2
    pads = True
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
        with torch.cuda.device(self._device), torch.inference_mode():
            self._copying = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            self._computing = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            forms = {
                size: form(model, engines.path(size), model.top_k, self._device) for size in self._buckets
            }
            with torch.cuda.stream(self._computing):
                self._batches = prepare(forms, self._buckets, model.shape, engines.cuda_graphs)
            self._lanes = Lanes(self.depth, lambda: _lane(spec.max_batch, model))
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

    def launch(self, inputs: Sequence[Pixels]) -> Launched:
        """Enqueue copies, batch and results; returns once the pixels have left their slots."""
        count = len(inputs)
        batch = self._batches[bucket_for(count, self._buckets)]
        with self._lanes.taken(self._settle) as lane:
            with self._enqueueing, torch.cuda.device(self._device), torch.inference_mode():
                with torch.cuda.stream(self._copying):
                    for row, image in zip(lane.pixels, inputs):
                        row.copy_(torch.from_numpy(image), non_blocking=True)
                    lane.arrived.record()
                with torch.cuda.stream(self._computing):
                    lane.arrived.wait()
                    batch.pixels[:count].copy_(lane.pixels[:count])
                    batch.run()
                    lane.scores[:count].copy_(batch.scores[:count], non_blocking=True)
                    lane.classes[:count].copy_(batch.classes[:count], non_blocking=True)
                    lane.done.record()
            lane.arrived.synchronize()
        return lane, count

    def finish(self, batch: Launched) -> Outputs:
        """Wait for the results; any thread may."""
        lane, count = batch
        try:
            lane.done.synchronize()
            return lane.scores[:count].numpy().copy(), lane.classes[:count].numpy().copy()
        finally:
            self._lanes.give_back(lane)

    def _settle(self) -> None:
        self._copying.synchronize()
        self._computing.synchronize()


def _lane(max_batch: int, model: BuiltModel) -> _Lane:
    return _Lane(
        pixels=torch.zeros((max_batch, *model.shape), dtype=torch.uint8, device="cuda"),
        scores=torch.zeros((max_batch, model.top_k)).pin_memory(),
        classes=torch.zeros((max_batch, model.top_k), dtype=torch.int64).pin_memory(),
    )
