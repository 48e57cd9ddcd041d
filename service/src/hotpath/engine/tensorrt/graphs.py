"""One batch size as one CUDA graph, and the whole family of them.

Written from the documentation of torch.cuda.CUDAGraph; it has not run on a GPU yet.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Sequence, Tuple

import torch
from torch import Tensor

Form = Callable[[Tensor], Tuple[Tensor, Tensor]]
"""uint8 (bucket, height, width, 3) on the device to (scores, classes)."""

_WARM_RUNS = 3
"""Before a capture, on the stream of the capture: lazy set-up must not be recorded."""


class FixedBatch:
    """Runs one batch size from the same input buffer to the same output buffers."""

    def __init__(self, form: Form, pixels: Tensor) -> None:
        self._form = form
        self.pixels = pixels
        self.scores, self.classes = form(pixels)

    def run(self) -> None:
        """Enqueue the batch on the current stream."""
        self.scores, self.classes = self._form(self.pixels)


class GraphedBatch(FixedBatch):
    """The same, recorded once: replaying costs the host one call instead of one a kernel."""

    def __init__(self, form: Form, pixels: Tensor, pool: Any) -> None:
        for _ in range(_WARM_RUNS):
            super().__init__(form, pixels)
        torch.cuda.synchronize()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, pool=pool, stream=torch.cuda.current_stream()):
            self.scores, self.classes = form(pixels)

    def run(self) -> None:
        """Enqueue the recorded batch on the current stream."""
        self._graph.replay()


def prepare(
    forms: Dict[int, Form], buckets: Sequence[int], shape: Tuple[int, int, int], capture: bool
) -> Dict[int, FixedBatch]:
    """Every batch size on the current stream, which must not be the default one.

    The largest is captured first and all share one pool: the smaller ones then live in memory that the
    largest has asked for. They may, because one stream runs them one after the other.
    """
    largest = max(buckets)
    pixels = torch.zeros((largest, *shape), dtype=torch.uint8, device="cuda")
    pool = torch.cuda.graph_pool_handle() if capture else None
    batches: Dict[int, FixedBatch] = {}
    for size in sorted(buckets, reverse=True):
        rows = pixels[:size]
        batches[size] = GraphedBatch(forms[size], rows, pool) if capture else FixedBatch(forms[size], rows)
    return batches
