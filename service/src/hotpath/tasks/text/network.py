"""Networks of texts in the forms that back ends ask for, except for what each task puts on its encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Mapping, NoReturn, Tuple

import torch
from torch import nn

from hotpath.core import ModelError, Refusal
from hotpath.models.built import BuiltModel
from hotpath.models.lowering.fused import unusable
from hotpath.tasks import known
from hotpath.tasks.text import weights
from hotpath.tasks.text.encoder import Encoder


def encoder(model: BuiltModel) -> Encoder:
    """The encoder with its weights. Raises ModelError."""
    table = model.document["encoder"]
    return weights.encoder(model.artifact("eager"), table["width"], table["heads"], table["pooling"])


def file(model: BuiltModel, key: str) -> Path:
    """A file that the model's description names."""
    name: str = model.document[key]
    return model.directory / name


def lowered(model: BuiltModel) -> nn.Module:
    """The form in the precision that the build chose. Raises Refusal where this processor can't run it."""
    precision = model.precision("onednn")
    reason = unusable(precision)
    if reason:
        raise Refusal(
            f"The model was built for {precision} on oneDNN, and {reason}.",
            "Build it on this machine, or with a precision that the machine has.",
        )
    return torch.jit.load(str(model.artifact("onednn")), map_location="cpu")  # type: ignore[no-untyped-call,no-any-return]


def reduced(model: BuiltModel, precision: str) -> nn.Module:
    """The model with its linear layers in this precision, all texts of a batch as long as the longest."""
    network = known.networks(model).eager(model)
    made = network.encoder
    assert isinstance(made, Encoder)
    made.always_pads = True
    made.reduce(getattr(torch, precision))
    return network


def packs(device: str) -> bool:
    """As the encoder does on a processor."""
    return device == "cpu"


def core(model: BuiltModel) -> nn.Module:
    """There is none: an engine of TensorRT has one length, and texts have many. Raises ModelError."""
    _has_no_core(model)


def core_shape(model: BuiltModel) -> Tuple[int, ...]:
    """As `core`."""
    _has_no_core(model)


def around(model: BuiltModel, core: nn.Module) -> nn.Module:
    """As `core`."""
    _has_no_core(model)


def judge(model: BuiltModel, cores: Mapping[int, nn.Module], device: Any) -> Dict[str, Any]:
    """As `core`."""
    _has_no_core(model)


def _has_no_core(model: BuiltModel) -> NoReturn:
    raise ModelError(
        f"{model.identity.name} is about texts, and there are no TensorRT engines for those.",
        "Serve it with the back end torchscript, which runs on GPUs too.",
    )
