"""Weights files in torch: a state dict into its network, or a network that brings its own code."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Tuple

import torch
from torch import Tensor, nn

from hotpath.core import ModelError
from hotpath.models import tensors

_MOST_REASONS = 4
_MOST_REASON = 400
"""Lines and characters of torch's reasons that are passed on; with all keys wrong they would fill screens."""


def scripted(file: Path) -> nn.Module:
    """A network that somebody else traced or scripted. Raises ModelError."""
    try:
        return torch.jit.load(str(file), map_location="cpu").eval()  # type: ignore[no-untyped-call,no-any-return]
    except RuntimeError as error:
        raise ModelError(
            f"The TorchScript file {file} can't be read: {last_line(error)}.",
            "Save the network with torch.jit.save, and name FILE and its SHA-256 in model.toml.",
        ) from error


def tried(network: nn.Module, shape: Tuple[int, ...]) -> Any:
    """What a network that somebody else made answers black images of this shape with. Raises ModelError."""
    try:
        with torch.no_grad():
            return network(torch.zeros(shape))
    except Exception as error:  # whatever its code does
        raise ModelError(
            f"The network can't be run on float32 images of shape {shape}: {last_line(error)}.",
            "Save a network for such images, normalised; the preprocessing is the service's.",
        ) from error


def fit(network: nn.Module, file: Path, network_in_words: str) -> nn.Module:
    """The network, with the weights of a state dict. Raises ModelError."""
    try:
        network.load_state_dict(_state_dict(file), strict=True)
    except RuntimeError as error:
        # torch names every key that is missing, unexpected or of another shape, each kind on its own line.
        kinds = [line.strip()[:_MOST_REASON] for line in str(error).splitlines()[1:]]
        raise ModelError(
            f"The weights {file} do not fit {network_in_words}: {' '.join(kinds[:_MOST_REASONS])}",
            "Correct architecture, weights or labels in model.toml.",
        ) from error
    return network


def last_line(error: Exception) -> str:
    """What torch says last, which tells most; shortened."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1][:_MOST_REASON]


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
