"""Text classifiers in torch."""

from __future__ import annotations

from typing import Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hotpath.models.built import BuiltModel
from hotpath.tasks.text import network as text
from hotpath.tasks.text.network import around, core, core_shape, judge, lowered, packs, reduced
from hotpath.tasks.text.weights import head

__all__ = ["TextClassifier", "around", "core", "core_shape", "eager", "judge", "lowered", "packs", "reduced"]


class TextClassifier(nn.Module):
    """ids (texts, length) and lengths (texts,) to (scores, classes), each (texts, top_k), best first."""

    def __init__(self, encoder: nn.Module, head: nn.Module, top_k: int) -> None:
        """`head`: from embeddings of length one to a logit for each label."""
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.top_k = top_k

    def forward(self, ids: Tensor, lengths: Tensor) -> Tuple[Tensor, Tensor]:
        """Encode, normalise, rank."""
        embeddings = functional.normalize(self.encoder(ids, lengths), dim=1)
        scores, classes = torch.softmax(self.head(embeddings), dim=1).topk(self.top_k, dim=1)
        return scores, classes


def eager(model: BuiltModel) -> TextClassifier:
    """The model as Python code. Raises ModelError."""
    encoder = text.encoder(model)
    labels = len(model.document["labels"])
    layer = head(text.file(model, "head"), encoder.tokens.embedding_dim, labels)
    return TextClassifier(encoder, layer, model.document["top_k"]).eval()
