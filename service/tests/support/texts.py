"""Tiny models of texts, made on the spot: a vocabulary of a few words, and an encoder of random weights."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Dict, List, Sequence

import numpy
from numpy.typing import NDArray

from hotpath.core import ModelIdentity
from hotpath.models.built import BuiltModel

WORDS = ("a", "good", "bad", "film", "dog", "cat", "##s", ".", "is", "the")
MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
VOCABULARY = {token: number for number, token in enumerate((*MARKS, *WORDS))}
WIDTH, INNER, LAYERS, HEADS, POSITIONS = 8, 16, 2, 2, 48
BOUND = 12
LABELS = ["bad", "good", "neither"]
PROBES = [
    {"text": "a dog", "nearest": "good film"},
    {"text": "good film", "nearest": "dogs"},
    {"text": "dogs", "nearest": "good film"},
]
"""What an encoder of the first of these random weights is right about."""


def write_tokenizer(path: Path) -> None:
    """As published ones often are: with padding and cutting fixed, shorter than the model takes."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordPiece(VOCABULARY, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", VOCABULARY["[SEP]"]), ("[CLS]", VOCABULARY["[CLS]"])
    )
    tokenizer.enable_padding(length=6)
    tokenizer.enable_truncation(6)
    tokenizer.save(str(path))


def tensors(seed: int = 1) -> Dict[str, NDArray[numpy.float32]]:
    """An encoder's weights, random and the same every time, by the names of Hugging Face's BERT."""
    random = numpy.random.default_rng(seed)

    def some(*shape: int, around: float = 0.0) -> NDArray[numpy.float32]:
        return random.normal(around, 0.4, shape).astype(numpy.float32)

    found = {
        "embeddings.word_embeddings.weight": some(len(VOCABULARY), WIDTH),
        "embeddings.position_embeddings.weight": some(POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": some(2, WIDTH),
        "embeddings.LayerNorm.weight": some(WIDTH, around=1.0),
        "embeddings.LayerNorm.bias": some(WIDTH),
        "pooler.dense.weight": some(WIDTH, WIDTH),
    }
    for number in range(LAYERS):
        shapes = {
            "attention.self.query": (WIDTH, WIDTH),
            "attention.self.key": (WIDTH, WIDTH),
            "attention.self.value": (WIDTH, WIDTH),
            "attention.output.dense": (WIDTH, WIDTH),
            "intermediate.dense": (INNER, WIDTH),
            "output.dense": (WIDTH, INNER),
        }
        for name, shape in shapes.items():
            found[f"encoder.layer.{number}.{name}.weight"] = some(*shape)
            found[f"encoder.layer.{number}.{name}.bias"] = some(shape[0])
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            found[f"encoder.layer.{number}.{name}.weight"] = some(WIDTH, around=1.0)
            found[f"encoder.layer.{number}.{name}.bias"] = some(WIDTH)
    return found


def head() -> Dict[str, NDArray[numpy.float32]]:
    """Of a classifier on such an encoder."""
    random = numpy.random.default_rng(3)
    return {
        "weight": random.normal(0, 4, (len(LABELS), WIDTH)).astype(numpy.float32),
        "bias": numpy.zeros(len(LABELS), numpy.float32),
    }


def write_source(
    directory: Path,
    probes: Sequence[Dict[str, Any]],
    task: str = "text-embedding",
    settings: Sequence[str] = (),
    weights: Any = None,
    **encoder: Any,
) -> Path:
    """A model source of one of the tasks; `settings` are lines at the beginning of its model.toml."""
    from safetensors.numpy import save_file

    directory.mkdir(parents=True)
    save_file(tensors() if weights is None else weights, directory / "model.safetensors")
    write_tokenizer(directory / "tokenizer.json")
    lines = [
        'name = "tiny"',
        f'task = "{task}"',
        'architecture = "bert"',
        'license = "Apache-2.0"',
        *(settings or [f"max_length = {BOUND}"]),
    ]
    if task == "text-classification":
        save_file(head(), directory / "head.safetensors")
        lines += [f"labels = {json.dumps(LABELS)}", "[head]", *_file(directory, "head.safetensors")]
    lines += ["[weights]", *_file(directory, "model.safetensors")]
    lines += ["[tokenizer]", *_file(directory, "tokenizer.json")]
    table = {"width": WIDTH, "heads": HEADS, "pooling": "mean", **encoder}
    lines += ["[encoder]", *(f"{key} = {json.dumps(value)}" for key, value in table.items()), "[tolerance]"]
    for probe in probes:
        lines += ["[[probes]]", *(f"{key} = {json.dumps(value)}" for key, value in probe.items())]
    (directory / "model.toml").write_text("\n".join(lines) + "\n")
    return directory


def described(directory: Path, task: str, probes: Sequence[Dict[str, Any]], **more: Any) -> BuiltModel:
    """A built model without a network: enough for its task and its outline."""
    write_tokenizer(directory / "tokenizer.json")
    document = {
        "tokenizer": "tokenizer.json",
        "files": {"tokenizer.json": "0" * 64},
        "encoder": {"width": WIDTH, "heads": HEADS, "pooling": "mean"},
        "max_length": BOUND,
        "lengths": [4, BOUND],
        "too_long": "cut",
        "tolerance": {"cosine": 0.99999, "reduced": 0.999, "same": 0.98, "absolute": 1e-3, "largest": 0.05},
        "probes": list(probes),
        "labels": LABELS,
        "top_k": len(LABELS),
        **more,
    }
    return BuiltModel(directory, ModelIdentity("tiny", "1"), task, "bert", {}, document)


def numbers(*tokens: str) -> List[int]:
    """Of tokens, between the marks at a text's ends."""
    return [VOCABULARY[token] for token in ("[CLS]", *tokens, "[SEP]")]


def _file(directory: Path, name: str) -> List[str]:
    digest = hashlib.sha256((directory / name).read_bytes()).hexdigest()
    return [f'file = "{name}"', f'sha256 = "{digest}"']
