"""Two batches in flight: the inputs of one travel while the other computes."""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass
from typing import Any, Callable, List, Sequence, Tuple

import torch
from torch import Tensor

from hotpath.core import TensorSpec
from hotpath.engine.graphs import Form, Inputs, Shape, prepare
from hotpath.engine.lanes import Lanes, bucket_for
from hotpath.engine.streams import Gpu
from hotpath.tasks.task import Item, Outputs, Pixels, Task


@dataclass
class Lane:
    """What one batch in flight has to itself."""

    inputs: Inputs
    """on the device"""
    units: Tensor
    """pinned host memory: the length of each item, int64 (max_batch,)"""
    outputs: Tuple[Tensor, ...]
    """pinned host memory"""
    arrived: Any
    done: Any


Launched = Tuple[Lane, int]


class OverlappingBackend:
    """Runs batches of fixed shapes, each from buffers of its own; others take the next larger shape."""

    depth = 2
    pads = True
    packs = False
    graphs = False
    precision = ""

    def __init__(self) -> None:
        # After a failure the thread that finishes launches too. A batch's buffers are those of its shape, so
        # what belongs to one batch must lie in the stream without another's in between.
        self._enqueueing = threading.Lock()

    def _prepare(
        self, streams: Gpu, task: Task, sizes: Sequence[int], form: Callable[[Shape], Form], capture: bool
    ) -> None:
        """Run every shape, record its graph where `capture` says so, and make room for batches in flight.

        Raises RuntimeError where one can't be captured.
        """
        self._streams, self._sizes, self._lengths = streams, sorted(sizes), task.lengths
        self._specs = task.inputs
        self._varying = next((index for index, one in enumerate(task.inputs) if one.varies), None)
        most = max(sizes)
        with streams.current(), torch.inference_mode():
            self._copying, self._computing = streams.stream(), streams.stream()
            with streams.on(self._computing):
                inputs = Inputs(task.inputs, most, streams.device)
                shapes = [Shape(length, size) for length in task.lengths for size in sizes]
                self._batches = prepare(form, shapes, inputs, capture)
            self._lanes = Lanes(self.depth, lambda: _lane(streams, task, most))
            self.graphs = capture
            streams.synchronize()  # the lanes too were filled on a stream that no batch waits for

    def share(self, slots: Pixels) -> None:
        """Let the device read the slots by itself. Raises Refusal."""
        self._streams.share(slots)

    def launch(self, items: Sequence[Item]) -> Launched:
        """Enqueue copies, batch and results; returns once the items have left their slots."""
        count, shape = len(items), self._shape_for(items)
        batch, streams = self._batches[shape], self._streams
        with self._lanes.taken(self._settle) as lane:
            with self._enqueueing, streams.current(), torch.inference_mode():
                with streams.on(self._copying):
                    self._fill(lane, items, shape)
                    lane.arrived.record()
                with streams.on(self._computing):
                    lane.arrived.wait()
                    for kept, given in zip(batch.inputs, lane.inputs.at(shape)):
                        kept[:count].copy_(given[:count])
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

    def _shape_for(self, items: Sequence[Item]) -> Shape:
        size = bucket_for(len(items), self._sizes)
        if self._varying is None:
            return Shape(self._lengths[0], size)
        longest = max(len(item[self._varying]) for item in items)
        return Shape(self._lengths[bisect_left(self._lengths, longest)], size)

    def _fill(self, lane: Lane, items: Sequence[Item], shape: Shape) -> None:
        """Copy the items; those that are shorter than the batch are filled up with zeros."""
        tensors = lane.inputs.at(shape)
        for place, (spec, rows) in enumerate(zip(self._specs, tensors)):
            if spec.varies:
                rows[: len(items)].zero_()
            for row, item in zip(rows, items):
                array = torch.from_numpy(item[place])
                (row[: len(array)] if spec.varies else row).copy_(array, non_blocking=True)
        if self._varying is not None:
            units = lane.units[: len(items)]
            units.copy_(torch.tensor([len(item[self._varying]) for item in items]))
            tensors[-1][: len(items)].copy_(units, non_blocking=True)

    def _settle(self) -> None:
        with self._streams.current():
            self._streams.synchronize()


def _lane(streams: Gpu, task: Task, most: int) -> Lane:
    def host(spec: TensorSpec) -> Tensor:
        return streams.pinned(torch.zeros((most, *spec.shape), dtype=getattr(torch, spec.dtype)))

    outputs: List[Tensor] = [host(spec) for spec in task.outputs]
    units = streams.pinned(torch.ones(most, dtype=torch.int64))
    inputs = Inputs(task.inputs, most, streams.device)
    return Lane(inputs, units, tuple(outputs), streams.event(), streams.event())
