"""An image classifier as traced, frozen TorchScript."""

from __future__ import annotations

from pathlib import Path

import torch

from hotpath.models.tracing import freeze
from hotpath.tasks.classification.network import TORCHSCRIPT, restore, try_network
from hotpath.tasks.classification.source import ClassifierSource


def script(source: ClassifierSource, weights: Path, classes: int, output: Path) -> None:
    """Write the TorchScript form of the source's model to `output`. Raises ModelError."""
    shape = source.preprocessing
    classifier = restore(source.architecture, weights, classes, shape.mean, shape.std, source.top_k)
    if source.architecture == TORCHSCRIPT:
        try_network(classifier.network, shape.height, shape.width, classes)
    example = torch.zeros((2, shape.height, shape.width, 3), dtype=torch.uint8)
    torch.jit.save(freeze(classifier, example), str(output))
