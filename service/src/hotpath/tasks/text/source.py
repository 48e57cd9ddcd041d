"""model.toml of a model of texts: what every task about them asks for."""

from __future__ import annotations

from typing import List

from pydantic import Field, model_validator
from typing_extensions import Literal

from hotpath.models.source import Source, SourceFile, Table


class EncoderTable(Table):
    """What the weights don't say of their encoder."""

    heads: int = Field(ge=1)
    width: int = Field(ge=1, le=16384)
    """Numbers of an embedding, which the weights say too; the most that fit into a message."""
    pooling: Literal["mean", "first"] = "mean"
    """How the vectors of a text's tokens become one: their mean, or the first of them."""


class TextSource(Source):
    """model.toml of any task about texts."""

    architecture: Literal["bert"]
    tokenizer: SourceFile
    """As the package tokenizers writes it: tokenizer.json."""
    encoder: EncoderTable
    max_length: int = Field(ge=4, le=8192)
    """Tokens of the longest text, the marks at its ends among them."""
    lengths: List[int] = Field(default_factory=list)
    """Lengths that batches are made for, in tokens; by default powers of two from 16 to max_length."""
    too_long: Literal["cut", "refuse"] = "cut"
    """What becomes of a longer text."""

    @model_validator(mode="after")
    def _lengths_end_with_the_longest(self) -> TextSource:
        lengths = self.buckets
        if lengths != sorted(set(lengths)) or lengths[-1] != self.max_length or lengths[0] < 1:
            raise ValueError(f"lengths must ascend and end with max_length = {self.max_length}")
        return self

    @property
    def buckets(self) -> List[int]:
        """Lengths that batches are made for."""
        if self.lengths:
            return self.lengths
        return [
            *(length for length in (16 << n for n in range(10)) if length < self.max_length),
            self.max_length,
        ]
