"""From an eager module to traced, frozen TorchScript."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.jit._trace import TracerWarning  # not exported by torch.jit

from hotpath.models.classifier import TORCHSCRIPT, restore, try_network
from hotpath.models.source import Source


def trace(source: Source, weights: Path, classes: int, output: Path) -> None:
    """Write the TorchScript form of the source's model to `output`. Raises ModelError."""
    shape = source.preprocessing
    classifier = restore(source.architecture, weights, classes, shape.mean, shape.std, source.top_k)
    if source.architecture == TORCHSCRIPT:
        try_network(classifier.network, shape.height, shape.width, classes)
    example = torch.zeros((2, shape.height, shape.width, 3), dtype=torch.uint8)
    torch.jit.save(freeze(classifier, example), str(output))


def freeze(module: nn.Module, example: Tensor) -> torch.jit.ScriptModule:
    """The module as a graph of constants, batch norms folded, for every batch size."""
    with warnings.catch_warnings(), torch.no_grad():
        # torch.jit is deprecated in favour of torch.export, which the oldest stack (torch 1.13) has not.
        warnings.simplefilter("ignore", DeprecationWarning)
        # The shape checks of the architecture become constants; they hold for every batch size.
        warnings.simplefilter("ignore", TracerWarning)
        # A network that is TorchScript already is taken as it is.
        warnings.filterwarnings("ignore", "The input to trace is already a ScriptModule")
        # `hotpath build` compares for itself.
        traced = torch.jit.trace(module, example, check_trace=False)  # type: ignore[no-untyped-call]
        return torch.jit.freeze(traced)  # type: ignore[no-any-return]
