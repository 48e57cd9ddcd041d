"""A network that computes in fewer bits; what comes before and after it stays float32."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Reduced(nn.Module):
    """Takes and returns what the network does, which is changed: its weights become `precision`."""

    def __init__(self, network: nn.Module, precision: str) -> None:
        super().__init__()
        self._dtype: torch.dtype = getattr(torch, precision)
        self.network = network.to(self._dtype)

    def forward(self, *inputs: Tensor) -> Any:
        """Of numbers with fractions, float32 to float32; others as they are."""
        found = self.network(*(_as(one, self._dtype) for one in inputs))
        if isinstance(found, Tensor):
            return _as(found, torch.float32)
        return tuple(_as(one, torch.float32) for one in found)


def _as(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.to(dtype) if tensor.is_floating_point() else tensor
