"""One shape of batch as one CUDA graph, and the whole family of them.

Written from the documentation of torch.cuda.CUDAGraph; it has not run on a GPU yet.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, NamedTuple, Sequence, Tuple

import torch
from torch import Tensor

from hotpath.core import TensorSpec

Form = Callable[..., Tuple[Tensor, ...]]
"""The task's inputs of a batch, on the device, to its outputs."""

_WARM_RUNS = 3
"""Before a capture, on the stream of the capture: lazy set-up must not be recorded."""


class Shape(NamedTuple):
    """Of a batch."""

    length: int
    """Along the inputs that vary; 1 where none does."""
    size: int
    """How many items."""


class Inputs:
    """Memory for the inputs of the largest batch; a smaller one lies at its beginning, in one piece.

    Where inputs vary in length, one more lies behind them: the units of each item, int64 of shape (batch,).
    """

    def __init__(self, specs: Sequence[TensorSpec], max_batch: int, device: torch.device) -> None:
        self._specs = specs
        self._flat = [
            torch.zeros((max_batch, *spec.shape), dtype=getattr(torch, spec.dtype), device=device).flatten()
            for spec in specs
        ]
        varies = any(spec.varies for spec in specs)
        self._units = torch.ones(max_batch, dtype=torch.int64, device=device) if varies else None

    def at(self, shape: Shape) -> Tuple[Tensor, ...]:
        """Of a batch, one tensor for each."""
        found = []
        for spec, flat in zip(self._specs, self._flat):
            item = (shape.length, *spec.shape[1:]) if spec.varies else spec.shape
            whole = (shape.size, *item)
            found.append(flat[: torch.Size(whole).numel()].view(whole))
        return tuple(found) if self._units is None else (*found, self._units[: shape.size])


class FixedBatch:
    """Runs one shape of batch from the same input buffers to the same output buffers."""

    def __init__(self, form: Form, inputs: Tuple[Tensor, ...]) -> None:
        self._form = form
        self.inputs = inputs
        self.outputs = form(*inputs)

    def run(self) -> None:
        """Enqueue the batch on the current stream."""
        self.outputs = self._form(*self.inputs)


class GraphedBatch(FixedBatch):
    """The same, recorded once: replaying costs the host one call instead of one a kernel."""

    def __init__(self, form: Form, inputs: Tuple[Tensor, ...], pool: Any) -> None:
        for _ in range(_WARM_RUNS):
            super().__init__(form, inputs)
        torch.cuda.synchronize()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, pool=pool, stream=torch.cuda.current_stream()):
            self.outputs = form(*inputs)

    def run(self) -> None:
        """Enqueue the recorded batch on the current stream."""
        self._graph.replay()


def prepare(
    form: Callable[[Shape], Form], shapes: Sequence[Shape], inputs: Inputs, capture: bool
) -> Dict[Shape, FixedBatch]:
    """Every shape of batch on the current stream, which must not be the default one.

    The largest is captured first and all share one pool: the smaller ones then live in memory that the
    largest has asked for. They may, because one stream runs them one after the other. Raises RuntimeError
    where one can't be captured.
    """
    pool = torch.cuda.graph_pool_handle() if capture else None
    batches: Dict[Shape, FixedBatch] = {}
    for shape in sorted(shapes, key=lambda one: one.length * one.size, reverse=True):
        given = inputs.at(shape)
        batches[shape] = GraphedBatch(form(shape), given, pool) if capture else FixedBatch(form(shape), given)
    return batches
