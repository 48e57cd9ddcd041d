"""Networks from tensors to tensors, in torch."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

import torch
from torch import Tensor, nn

from hotpath.core import ModelError, Refusal
from hotpath.models.built import BuiltModel
from hotpath.models.lowering.program import Lowered
from hotpath.models.reduced import Reduced
from hotpath.models.weights import scripted
from hotpath.tasks.tensors.code import attribute
from hotpath.tasks.tensors.source import TORCHSCRIPT

_FORMS = "Use the back end eager or torchscript."


class Whole(nn.Module):
    """A network whose outputs are a tuple, however many they are."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: Tensor) -> Tuple[Tensor, ...]:
        """The network's outputs."""
        found = self.network(*inputs)
        return tuple(found) if isinstance(found, (tuple, list)) else (found,)


def eager(model: BuiltModel) -> nn.Module:
    """What the weights file holds, or what the model's code makes of it. Raises ModelError."""
    return restored(model.architecture, model.directory, model.artifacts["eager"], model.document["code"])


def restored(architecture: str, directory: Any, weights: str, code: str) -> nn.Module:
    """The network of a source or of a built model. Raises ModelError."""
    if architecture == TORCHSCRIPT:
        return Whole(scripted(directory / weights)).eval()
    make: Any = attribute(directory / code, "network", "a function from the weights' path to the network")
    try:
        network = make(directory / weights)
    except Exception as error:  # whatever a user's code does
        raise ModelError(
            f"network() in {directory / code} fails: {type(error).__name__}: {error}.",
            "Correct it, and build again.",
        ) from error
    if not isinstance(network, nn.Module):
        raise ModelError(
            f"network() in {directory / code} returns a {type(network).__name__}.",
            "Return a torch.nn.Module.",
        )
    return Whole(network).eval()


def examples(inputs: Any, lengths: Tuple[int, ...], batch: int) -> List[Tensor]:
    """A batch of zeros, as a back end gives it to the network."""
    found = [
        torch.zeros(
            (batch, *((lengths[0], *one.shape[1:]) if one.varies else one.shape)),
            dtype=getattr(torch, one.dtype),
        )
        for one in inputs
    ]
    if any(one.varies for one in inputs):
        found.append(torch.full((batch,), lengths[0], dtype=torch.int64))
    return found


def lowered(model: BuiltModel, program: Lowered) -> nn.Module:
    """Not to be had: lowering knows image classifiers' graphs."""
    raise Refusal(f"{model.identity.name} has no form for onednn.", _FORMS)


def reduced(model: BuiltModel, precision: str) -> Reduced:
    """All of the network in this precision. Raises ModelError."""
    return Reduced(eager(model), precision).eval()


def packs(device: str) -> bool:
    """Its items have one length, or are filled up."""
    return False


def core(model: BuiltModel) -> nn.Module:
    """Not to be had yet."""
    raise ModelError(f"{model.identity.name} has no form for TensorRT.", _FORMS)


def core_shape(model: BuiltModel) -> Tuple[int, ...]:
    """Not to be had yet."""
    raise ModelError(f"{model.identity.name} has no form for TensorRT.", _FORMS)


def around(model: BuiltModel, core: nn.Module) -> nn.Module:
    """The core itself."""
    return core


def judge(model: BuiltModel, cores: Mapping[int, nn.Module], device: Any) -> Dict[str, Any]:
    """Not to be had yet."""
    raise ModelError(f"{model.identity.name} has no form for TensorRT.", _FORMS)
