"""Image classifiers in torch: their weights, and the whole way from pixels to the best classes."""

from __future__ import annotations

from pathlib import Path
from typing import List, Mapping, Tuple

import torch
from torch import Tensor, nn

from hotpath.core import ModelError
from hotpath.models import tensors
from hotpath.models.architectures import ARCHITECTURES

TORCHSCRIPT = "torchscript"
"""The architecture of a weights file that brings its own."""

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
    if architecture != TORCHSCRIPT and architecture not in ARCHITECTURES:
        known = ", ".join(sorted([*ARCHITECTURES, TORCHSCRIPT]))
        raise ModelError(f"There is no architecture {architecture!r}.", f"Use one of: {known}.")
    if top_k > classes:
        raise ModelError(
            f"top_k = {top_k} of model.toml is more than the {classes} classes of its labels.",
            "Lower top_k, or complete the labels.",
        )
    network = (
        _scripted(weights) if architecture == TORCHSCRIPT else _with_weights(architecture, weights, classes)
    )
    classifier = Classifier(network, mean, std, top_k).eval()
    if architecture == TORCHSCRIPT:
        return classifier  # its layout is its own
    return classifier.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _scripted(file: Path) -> nn.Module:
    """A network that somebody else traced or scripted. Raises ModelError."""
    try:
        return torch.jit.load(str(file), map_location="cpu").eval()  # type: ignore[no-untyped-call,no-any-return]
    except RuntimeError as error:
        raise ModelError(
            f"The TorchScript file {file} can't be read: {_last_line(error)}.",
            "Save the network with torch.jit.save, and name FILE and its SHA-256 in model.toml.",
        ) from error


def try_network(network: nn.Module, height: int, width: int, classes: int) -> None:
    """Run a network that somebody else made on two black images. Raises ModelError."""
    shape = (2, 3, height, width)
    try:
        with torch.no_grad():
            found = network(torch.zeros(shape))
    except Exception as error:  # whatever its code does
        raise ModelError(
            f"The network can't be run on float32 images of shape {shape}: {_last_line(error)}.",
            "Save a network for such images, normalised; the preprocessing is the service's.",
        ) from error
    kind = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"type {type(found).__name__}"
    if kind != f"shape {(2, classes)}":
        raise ModelError(
            f"The network's answer to two images has the {kind}; its labels ask for shape {(2, classes)}.",
            "Give a network that returns logits, and the labels that belong to it.",
        )


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1][:_MOST_REASON]


def _with_weights(architecture: str, weights: Path, classes: int) -> nn.Module:
    """The architecture with the weights of a state dict. Raises ModelError."""
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
    return network


def _state_dict(weights: Path) -> Mapping[str, Tensor]:
    """The tensors of a weights file by name. Raises ModelError."""
    remedy = (
        "Save them with torch.save(model.state_dict(), FILE), and name FILE and its SHA-256 in model.toml."
    )
    try:
        state = tensors.load(weights)
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
