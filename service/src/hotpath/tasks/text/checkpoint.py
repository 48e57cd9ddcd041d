"""A checkpoint as Hugging Face's transformers and sentence-transformers save it: whether it can be served."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, FrozenSet

from hotpath.core import ModelError

CONFIG, TOKENIZER, WEIGHTS = "config.json", "tokenizer.json", "model.safetensors"

_SAVE = {
    CONFIG: "Name the directory that transformers' save_pretrained wrote, or a download of all its files.",
    TOKENIZER: "Write it with transformers: AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR).",
    WEIGHTS: "Write it with transformers: AutoModel.from_pretrained(DIR).save_pretrained(DIR).",
}
_ASSUMED = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
    "layer_norm_eps": 1e-12,
    "is_decoder": False,
}
"""What the encoder here does, and the names of the keys that may say otherwise."""

_WORDS = "embeddings.word_embeddings.weight"
_POOLINGS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "first"}
_MODULES = ("Transformer", "Pooling", "Normalize")
_REMEDY = "Take an encoder of BERT's kind, or write a task of your own around this network (docs/models.md)."


@dataclass(frozen=True)
class Checkpoint:
    """What of a checkpoint model.toml says."""

    width: int
    heads: int
    pooling: str
    max_length: int
    """Tokens of the longest text that its makers had in mind."""
    tensors: FrozenSet[str]
    """Their names."""


def read(directory: Path) -> Checkpoint:
    """Describe the checkpoint. Raises ModelError where it is none, or none of an encoder of BERT's kind."""
    for name, remedy in _SAVE.items():
        if not (directory / name).is_file():
            raise ModelError(f"There is no {name} in {directory}, which --from names.", remedy)
    config = _json(directory / CONFIG)
    for key, assumed in _ASSUMED.items():
        if config.get(key, assumed) != assumed or (key == "model_type" and key not in config):
            found = config.get(key)
            raise ModelError(
                f"The checkpoint {directory} is no encoder of BERT's kind: its {CONFIG} says {key} = "
                f"{found!r}, and {assumed!r} is what is served.",
                _REMEDY,
            )
    tensors = _tensors(directory / WEIGHTS)
    if not any(name.endswith(_WORDS) for name in tensors):
        raise ModelError(
            f"The weights {directory / WEIGHTS} are no encoder of BERT's kind: they have no {_WORDS!r}.",
            _REMEDY,
        )
    positions = _number(directory, config, "max_position_embeddings")
    bound = _optional(directory / "sentence_bert_config.json").get("max_seq_length")
    return Checkpoint(
        _number(directory, config, "hidden_size"),
        _number(directory, config, "num_attention_heads"),
        _pooling(directory),
        min(bound, positions) if isinstance(bound, int) and bound > 0 else positions,
        tensors,
    )


def _pooling(directory: Path) -> str:
    """As sentence-transformers say it; the mean where nobody says. Raises ModelError."""
    modules = _optional(directory / "modules.json", list)
    types = [str(one.get("type")) if isinstance(one, dict) else str(one) for one in modules]
    strange = [one for one in types if one.rpartition(".")[2] not in _MODULES]
    told = _optional(directory / "1_Pooling" / CONFIG)
    modes = [key for key, value in told.items() if key.startswith("pooling_mode_") and value is True]
    if strange or (modes and (len(modes) > 1 or modes[0] not in _POOLINGS)):
        raise ModelError(
            f"The checkpoint {directory} makes its embeddings with {', '.join(strange or modes)}, "
            "which is not served.",
            _REMEDY,
        )
    return _POOLINGS[modes[0]] if modes else "mean"


def _tensors(file: Path) -> FrozenSet[str]:
    """Their names; none of them is read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(file), framework="numpy") as tensors:
            return frozenset(tensors.keys())
    except (SafetensorError, OSError) as error:
        raise ModelError(f"The weights {file} can't be read: {error}.", _SAVE[WEIGHTS]) from error


def _number(directory: Path, config: Dict[str, Any], key: str) -> int:
    value = config.get(key)
    if not isinstance(value, int) or value < 1:
        raise ModelError(
            f"{directory / CONFIG} says {key} = {value!r}, and a number of 1 at least is needed.",
            _SAVE[CONFIG],
        )
    return value


def _optional(file: Path, kind: type = dict) -> Any:
    """JSON, where there is such a file."""
    return _json(file, kind) if file.is_file() else kind()


def _json(file: Path, kind: type = dict) -> Any:
    """An object, or a list. Raises ModelError."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{file} is no JSON: {error}.", _SAVE[CONFIG]) from error
    if not isinstance(found, kind):
        raise ModelError(f"{file} is no JSON {'object' if kind is dict else 'list'}.", _SAVE[CONFIG])
    return found
