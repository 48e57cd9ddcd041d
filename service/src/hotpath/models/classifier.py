"""Image classifiers in torch: architectures by name, and the whole way from pixels to the best classes."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, List, Tuple

import torch
from torch import Tensor, nn

from hotpath.core import Refusal
from hotpath.models.built import ModelError


class Classifier(nn.Module):
    """Pixels to probabilities, so that nothing of the preprocessing is left to the caller's arithmetic.

    Input: uint8 of shape (batch, height, width, 3). Output: (scores, classes), each (batch, top_k), best
    first. The permutation leaves the memory as it is, which makes the network's input channels-last for free.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: List[float], std: List[float], top_k: int) -> None:
        super().__init__()
        self.network = network
        self.top_k = top_k
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, pixels: Tensor) -> Tuple[Tensor, Tensor]:
        """Normalise, run the network, rank."""
        images = pixels.permute(0, 3, 1, 2).to(torch.float32)
        logits = self.network((images - self.mean) / self.std)
        scores, classes = torch.softmax(logits, dim=1).topk(self.top_k, dim=1)
        return scores, classes


def _efficientnet_lite0(classes: int) -> nn.Module:
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise Refusal(
            f"The architecture efficientnet_lite0 needs the package efficientnet-lite-pytorch ({error}).",
            "Install the service from one of its locks.",
        ) from error
    network: nn.Module = EfficientNet.from_name("efficientnet-lite0", num_classes=classes)
    return network


ARCHITECTURES: Dict[str, Callable[[int], nn.Module]] = {"efficientnet_lite0": _efficientnet_lite0}
"""Name -> an untrained network for so many classes."""


def restore(
    architecture: str, weights: Path, classes: int, mean: List[float], std: List[float], top_k: int
) -> Classifier:
    """The eager classifier with its weights, ready for inference. Raises ModelError."""
    if architecture not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise ModelError(f"There is no architecture {architecture!r}.", f"Use one of: {known}.")
    network = ARCHITECTURES[architecture](classes)
    try:
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except RuntimeError as error:
        raise ModelError(
            f"The weights {weights} do not fit {architecture} with {classes} classes: {error}.",
            "Correct architecture, weights or labels in model.toml.",
        ) from error
    classifier = Classifier(network, mean, std, top_k).eval()
    return classifier.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
