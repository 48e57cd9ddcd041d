"""The networks of the benches, for the peers and for the build of our own artifact."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn


class Tiny(nn.Module):
    """One convolution and one linear layer: what is left to measure is the server."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 8, kernel_size=16, stride=16)
        self.classifier = nn.Linear(8, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (batch, classes) of images (batch, 3, height, width)."""
        return self.classifier(self.features(images).relu().mean(dim=(2, 3)))


def efficientnet_lite0(classes: int) -> nn.Module:
    """EfficientNet-Lite0 from its package."""
    from efficientnet_lite_pytorch import EfficientNet

    network: nn.Module = EfficientNet.from_name("efficientnet-lite0", num_classes=classes)
    return network


NETWORKS = {"tiny": Tiny, "efficientnet_lite0": efficientnet_lite0}


def restore(architecture: str, weights: Path) -> nn.Module:
    """The eager network with its weights, ready for inference."""
    state = torch.load(weights, weights_only=True)
    classes = next(value.shape[0] for name, value in reversed(state.items()) if value.ndim == 2)
    network = NETWORKS[architecture](classes)
    network.load_state_dict(state)
    return network.eval()
