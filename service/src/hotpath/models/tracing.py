"""From an eager module to traced, frozen TorchScript."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn
from torch.jit._trace import TracerWarning  # not exported by torch.jit


def freeze(module: nn.Module, *examples: Tensor) -> torch.jit.ScriptModule:
    """The module as a graph of constants, batch norms folded, for every batch size."""
    with warnings.catch_warnings(), torch.no_grad():
        # torch.jit is deprecated in favour of torch.export, which the oldest stack (torch 1.13) has not.
        warnings.simplefilter("ignore", DeprecationWarning)
        # The shape checks of the architecture become constants; they hold for every batch size.
        warnings.simplefilter("ignore", TracerWarning)
        # A network that is TorchScript already is taken as it is.
        warnings.filterwarnings("ignore", "The input to trace is already a ScriptModule")
        # `hotpath build` compares for itself.
        traced = torch.jit.trace(module, examples, check_trace=False)  # type: ignore[no-untyped-call]
        return torch.jit.freeze(traced)  # type: ignore[no-any-return]
