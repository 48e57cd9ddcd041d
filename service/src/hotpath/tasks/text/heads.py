"""A text classifier's head: one linear layer on an encoder's embeddings, fitted to texts with labels."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import torch
from torch import Tensor
from torch.nn import functional

from hotpath.core import ModelError
from hotpath.models.source import DESCRIPTION
from hotpath.tasks.text import weights
from hotpath.tasks.text.embedding.network import TextEmbedder
from hotpath.tasks.text.encoder import Encoder
from hotpath.tasks.text.forms import batch
from hotpath.tasks.text.tokens import Tokens

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_BATCH = 64
_PENALTY = 1e-4


def train(source: Path, examples: str, penalty: float = _PENALTY) -> str:
    """Write the head of the source from a file of lines LABEL, tab, TEXT; what came of it, in words.

    `penalty` on the square of the weights: more of it for examples that contradict each other. Raises
    ModelError.
    """
    document = tomllib.loads((source / DESCRIPTION).read_text(encoding="utf-8"))
    labels = document["labels"]
    texts, right = _examples(source / examples, labels)
    table = document["encoder"]
    encoder = weights.encoder(
        source / document["weights"]["file"], table["width"], table["heads"], table["pooling"]
    )
    tokens = Tokens(source / document["tokenizer"]["file"], document["max_length"], cuts=True)
    inputs, wanted = embeddings(encoder, tokens, texts).double(), torch.tensor(right)
    layer = fit(inputs, wanted, len(labels), penalty)
    write(layer, source / document["head"]["file"])
    share = accuracy(layer, inputs, wanted)
    return (
        f"{document['head']['file']}: fitted to {len(texts)} examples, of which it tells {share:.1%} rightly"
    )


def embeddings(encoder: Encoder, tokens: Tokens, texts: Sequence[str]) -> Tensor:
    """float32 (texts, width), of length one."""
    network = TextEmbedder(encoder).eval()
    ids = [tokens(text).ids for text in texts]
    found = torch.zeros(len(texts), encoder.tokens.embedding_dim)
    order = sorted(range(len(ids)), key=lambda number: len(ids[number]))
    with torch.inference_mode():
        for start in range(0, len(order), _BATCH):
            some = order[start : start + _BATCH]
            found[some] = network(*batch([ids[number] for number in some]))[0]
    return found


def fit(inputs: Tensor, right: Tensor, labels: int, penalty: float) -> Dict[str, Tensor]:
    """The layer of least cross entropy, float64: `weight` (labels, width) and `bias` (labels,)."""
    weight = torch.zeros(labels, inputs.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(labels, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        found = (
            functional.cross_entropy(inputs @ weight.T + bias, right) + penalty * weight.square().sum() / 2
        )
        found.backward()  # type: ignore[no-untyped-call]
        return found

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return {"weight": weight.detach(), "bias": bias.detach()}


def accuracy(layer: Dict[str, Tensor], inputs: Tensor, right: Tensor) -> float:
    """The share that is told rightly."""
    found = (inputs @ layer["weight"].T + layer["bias"]).argmax(1)
    return round(float((found == right).double().mean()), 4)


def write(layer: Dict[str, Tensor], file: Path) -> None:
    """As the task text-classification reads it."""
    from safetensors.torch import save_file

    save_file({name: tensor.float().contiguous() for name, tensor in layer.items()}, file)


def _examples(file: Path, labels: List[str]) -> Tuple[List[str], List[int]]:
    """Texts, and the numbers of their labels. Raises ModelError."""
    remedy = "Write a label of model.toml, a tab and a text in each line, and each label at least once."
    texts, right = [], []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        label, _, text = line.partition("\t")
        if label not in labels or not text.strip():
            raise ModelError(
                f"{file}:{number} begins with none of the labels {', '.join(labels)}, or has no text.", remedy
            )
        texts.append(text)
        right.append(labels.index(label))
    missing = [label for place, label in enumerate(labels) if place not in right]
    if missing:
        raise ModelError(f"{file} has no example of {', '.join(missing)}.", remedy)
    return texts, right
