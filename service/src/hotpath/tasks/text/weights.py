"""Weights of encoders as their makers publish them: safetensors, with the names of Hugging Face's BERT."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, List

import torch
from torch import Tensor, nn

from hotpath.core import ModelError
from hotpath.tasks.text.encoder import Encoder, Shape

_OUTER = {
    "embeddings.word_embeddings.weight": "tokens.weight",
    "embeddings.position_embeddings.weight": "positions.weight",
    "embeddings.LayerNorm": "norm",
}
_INNER = {
    "attention.output.dense": "mix",
    "attention.output.LayerNorm": "mix_norm",
    "intermediate.dense": "widen",
    "output.dense": "narrow",
    "output.LayerNorm": "narrow_norm",
}
_JOINED = ("query", "key", "value")
_KINDS = "embeddings.token_type_embeddings.weight"


def read(file: Path) -> Dict[str, Tensor]:
    """The tensors of a file of safetensors as float32. Raises ModelError."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return {name: tensor.float() for name, tensor in load_file(str(file)).items()}
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"The weights {file} can't be read: {error}.",
            "Give a file of safetensors, and name it and its SHA-256 in model.toml.",
        ) from error


def encoder(file: Path, width: int, heads: int, pooling: str) -> Encoder:
    """The encoder whose weights lie in the file. Raises ModelError."""
    found = {re.sub(r"^(bert|model)\.", "", name): tensor for name, tensor in read(file).items()}
    try:
        shape = _shape(found, width, heads)
        state = _state(found, shape)
        network = Encoder(shape, pooling == "mean")
        network.load_state_dict(state, strict=True)
    except KeyError as error:
        raise ModelError(
            f"The weights {file} are no encoder of BERT's kind: they have no {error}.",
            "Give the model.safetensors of one, with the names that Hugging Face's BERT has.",
        ) from error
    except RuntimeError as error:  # of tensors that don't fit each other
        reason = str(error).strip().splitlines()[-1].strip()
        raise ModelError(
            f"The weights {file} don't fit each other: {reason}", "Give a file that is whole."
        ) from error
    return network.eval()


def head(file: Path, width: int, labels: int) -> nn.Linear:
    """One linear layer, from an embedding to a logit for each label. Raises ModelError."""
    found = read(file)
    shapes = {name: tuple(tensor.shape) for name, tensor in found.items()}
    wanted = {"weight": (labels, width), "bias": (labels,)}
    if shapes != wanted:
        raise ModelError(
            f"The head {file} holds {shapes}, and {labels} labels on embeddings of {width} ask for {wanted}.",
            "Correct head, weights or labels in model.toml.",
        )
    layer = nn.Linear(width, labels)
    layer.load_state_dict(found)
    return layer.eval()


def _shape(found: Dict[str, Tensor], wanted: int, heads: int) -> Shape:
    tokens, width = found["embeddings.word_embeddings.weight"].shape
    layers = {int(name.split(".")[2]) for name in found if name.startswith("encoder.layer.")}
    if width != wanted or width % heads:
        raise RuntimeError(f"their width is {width}; model.toml says {wanted}, shared by {heads} heads.")
    return Shape(
        tokens,
        len(found["embeddings.position_embeddings.weight"]),
        width,
        len(found["encoder.layer.0.intermediate.dense.bias"]),
        len(layers),
        heads,
    )


def _state(found: Dict[str, Tensor], shape: Shape) -> Dict[str, Tensor]:
    """By our own names."""
    state: Dict[str, Tensor] = {}
    for theirs, ours in _OUTER.items():
        for end in [""] if theirs.endswith("weight") else [".weight", ".bias"]:
            state[ours + end] = found[theirs + end]
    # A text of its own is of the first kind throughout, so that its vector may be added once and for all.
    state["positions.weight"] = state["positions.weight"] + found[_KINDS][0]
    for number in range(shape.layers):
        layer = f"encoder.layer.{number}."
        for end in (".weight", ".bias"):
            for theirs, ours in _INNER.items():
                state[f"layers.{number}.{ours}{end}"] = found[layer + theirs + end]
            joined: List[Tensor] = [found[f"{layer}attention.self.{part}{end}"] for part in _JOINED]
            state[f"layers.{number}.join{end}"] = torch.cat(joined)
    return state
