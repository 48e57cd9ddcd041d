"""Sentence embeddings in torch."""

from __future__ import annotations

from typing import Tuple

from torch import Tensor, nn
from torch.nn import functional

from hotpath.models.built import BuiltModel
from hotpath.tasks.text import network as text
from hotpath.tasks.text.network import around, core, core_shape, judge, lowered, packs, reduced

__all__ = ["TextEmbedder", "around", "core", "core_shape", "eager", "judge", "lowered", "packs", "reduced"]


class TextEmbedder(nn.Module):
    """ids (texts, length) and lengths (texts,) to float32 (texts, width), of length one."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, ids: Tensor, lengths: Tensor) -> Tuple[Tensor]:
        """Encode, normalise."""
        return (functional.normalize(self.encoder(ids, lengths), dim=1),)


def eager(model: BuiltModel) -> TextEmbedder:
    """The model as Python code. Raises ModelError."""
    return TextEmbedder(text.encoder(model)).eval()
