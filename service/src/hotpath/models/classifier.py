"""Image classifiers in torch: their weights, and the whole way from pixels to the best classes."""

from __future__ import annotations

from pathlib import Path
from typing import List, Mapping, Tuple

import torch
from torch import Tensor, nn

from hotpath.models.architectures import ARCHITECTURES
from hotpath.models.built import ModelError

_MOST_REASONS = 4
_MOST_REASON = 400
"""Lines and characters of torch's reasons that are passed on; with all keys wrong they would fill screens."""


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

    def normalise(self, pixels: Tensor) -> Tensor:
        """Pixels to the network's input, float32 of shape (batch, 3, height, width)."""
        images = pixels.permute(0, 3, 1, 2).to(torch.float32)
        return (images - self.mean) / self.std

    def forward(self, pixels: Tensor) -> Tuple[Tensor, Tensor]:
        """Normalise, run the network, rank."""
        logits = self.network(self.normalise(pixels))
        scores, classes = torch.softmax(logits, dim=1).topk(self.top_k, dim=1)
        return scores, classes


def restore(
    architecture: str, weights: Path, classes: int, mean: List[float], std: List[float], top_k: int
) -> Classifier:
    """The eager classifier with its weights, ready for inference. Raises ModelError."""
    if architecture not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise ModelError(f"There is no architecture {architecture!r}.", f"Use one of: {known}.")
    if top_k > classes:
        raise ModelError(
            f"top_k = {top_k} of model.toml is more than the {classes} classes of its labels.",
            "Lower top_k, or complete the labels.",
        )
    network = ARCHITECTURES[architecture](classes)
    try:
        network.load_state_dict(_state_dict(weights), strict=True)
    except RuntimeError as error:
        # torch names every key that is missing, unexpected or of another shape, each kind on its own line.
        kinds = [line.strip()[:_MOST_REASON] for line in str(error).splitlines()[1:]]
        raise ModelError(
            f"The weights {weights} do not fit {architecture} with {classes} classes: "
            f"{' '.join(kinds[:_MOST_REASONS])}",
            "Correct architecture, weights or labels in model.toml.",
        ) from error
    classifier = Classifier(network, mean, std, top_k).eval()
    return classifier.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _state_dict(weights: Path) -> Mapping[str, Tensor]:
    """The tensors of a weights file by name. Raises ModelError."""
    remedy = (
        "Save them with torch.save(model.state_dict(), FILE), and name FILE and its SHA-256 in model.toml."
    )
    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
    except Exception as error:  # an unpickler raises whatever the bytes lead it to
        reason = (str(error).splitlines() or [""])[0][:_MOST_REASON]
        raise ModelError(
            f"The weights {weights} can't be read: {type(error).__name__}: {reason}.", remedy
        ) from error
    if not isinstance(state, Mapping):
        raise ModelError(f"The weights {weights} hold a {type(state).__name__}, not a state dict.", remedy)
    strange = [key for key, value in state.items() if not isinstance(value, Tensor)]
    if strange:
        raise ModelError(
            f"The weights {weights} are no state dict: {strange[0]!r} is a "
            f"{type(state[strange[0]]).__name__}, not a tensor.",
            remedy,
        )
    return state
