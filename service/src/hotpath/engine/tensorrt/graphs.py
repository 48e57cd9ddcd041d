"""One batch size as one CUDA graph, and the whole family of them.

Written from the documentation of torch.cuda.CUDAGraph; it has not run on a GPU yet.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Sequence, Tuple

import torch
from torch import Tensor

from hotpath.core import TensorSpec

Form = Callable[[Tensor], Tuple[Tensor, ...]]
"""The task's input of a batch, on the device, to its outputs."""

_WARM_RUNS = 3
"""Before a capture, on the stream of the capture: lazy set-up must not be recorded."""


class FixedBatch:
    """Runs one batch size from the same input buffer to the same output buffers."""

    def __init__(self, form: Form, inputs: Tensor) -> None:
        self._form = form
        self.inputs = inputs
        self.outputs = form(inputs)

    def run(self) -> None:
        """Enqueue the batch on the current stream."""
        self.outputs = self._form(self.inputs)


class GraphedBatch(FixedBatch):
    """The same, recorded once: replaying costs the host one call instead of one a kernel."""

    def __init__(self, form: Form, inputs: Tensor, pool: Any) -> None:
        for _ in range(_WARM_RUNS):
            super().__init__(form, inputs)
        torch.cuda.synchronize()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, pool=pool, stream=torch.cuda.current_stream()):
            self.outputs = form(inputs)

    def run(self) -> None:
        """Enqueue the recorded batch on the current stream."""
        self._graph.replay()


def prepare(
    forms: Mapping[int, Form], buckets: Sequence[int], item: TensorSpec, capture: bool
) -> Dict[int, FixedBatch]:
    """Every batch size on the current stream, which must not be the default one.

    The largest is captured first and all share one pool: the smaller ones then live in memory that the
    largest has asked for. They may, because one stream runs them one after the other.
    """
    largest = max(buckets)
    inputs = torch.zeros((largest, *item.shape), dtype=getattr(torch, item.dtype), device="cuda")
    pool = torch.cuda.graph_pool_handle() if capture else None
    batches: Dict[int, FixedBatch] = {}
    for size in sorted(buckets, reverse=True):
        rows = inputs[:size]
        batches[size] = GraphedBatch(forms[size], rows, pool) if capture else FixedBatch(forms[size], rows)
    return batches
