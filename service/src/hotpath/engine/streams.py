"""What a GPU has for batches that overlap, and how a processor stands in for it, which does all in order.

The stand-in is for builds and tests: the same back end runs there, without streams and without graphs.
Written from the documentation of torch.cuda; it has not run on a GPU yet.
"""

from __future__ import annotations

import contextlib
from typing import Any, ContextManager

import torch
from torch import Tensor

from hotpath.core import Refusal
from hotpath.tasks.task import Pixels


class Gpu:
    """A GPU's streams and events, as torch.cuda has them."""

    has_graphs = True

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def current(self) -> ContextManager[Any]:
        """While what follows is meant for this device."""
        return torch.cuda.device(self.device)

    def stream(self) -> Any:
        """Another one."""
        return torch.cuda.Stream()  # type: ignore[no-untyped-call]

    def on(self, stream: Any) -> ContextManager[Any]:
        """While what follows is enqueued there."""
        return torch.cuda.stream(stream)

    def event(self) -> Any:
        """With `record`, `wait` and `synchronize`."""
        return torch.cuda.Event()  # type: ignore[no-untyped-call]

    def pinned(self, tensor: Tensor) -> Tensor:
        """A copy in memory that the device reaches by itself."""
        return tensor.pin_memory()

    def synchronize(self) -> None:
        """Wait for everything."""
        torch.cuda.synchronize()

    def share(self, slots: Pixels) -> None:
        """Pin memory that is there, so that the GPU reads it without a copy in between. Raises Refusal."""
        with self.current():
            runtime = torch.cuda.cudart()  # type: ignore[no-untyped-call]
            code = int(runtime.cudaHostRegister(slots.ctypes.data, slots.nbytes, 0))
        if code != 0:
            raise Refusal(
                f"The arena of {slots.nbytes} bytes can't be pinned for {self.device} (CUDA error {code}).",
                "Raise the service's LimitMEMLOCK, or lower limits.queue.",
            )


class Processor(Gpu):
    """In the place of a GPU: what is enqueued has been done when the call returns."""

    has_graphs = False

    def current(self) -> ContextManager[Any]:
        """There is no other."""
        return contextlib.nullcontext()

    def stream(self) -> Any:
        """There is one."""
        return None

    def on(self, stream: Any) -> ContextManager[Any]:
        """All is done in order."""
        return contextlib.nullcontext()

    def event(self) -> Any:
        """Nothing is late."""
        return torch.cpu.Event()

    def pinned(self, tensor: Tensor) -> Tensor:
        """All memory is in reach."""
        return tensor

    def synchronize(self) -> None:
        """Nothing runs by itself."""

    def share(self, slots: Pixels) -> None:
        """All memory is in reach."""


def streams_of(device: torch.device) -> Gpu:
    """What there is for a device."""
    return Gpu(device) if device.type == "cuda" else Processor(device)
