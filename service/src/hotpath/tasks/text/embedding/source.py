"""model.toml of a model of sentence embeddings."""

from __future__ import annotations

from typing import List

from pydantic import Field, model_validator
from typing_extensions import Literal

from hotpath.models.source import Table
from hotpath.tasks.text.source import TextSource


class ProbeText(Table):
    """A text, and the probe that must be nearer to it than every other one."""

    text: str = Field(min_length=1)
    nearest: str


class Tolerance(Table):
    """The least cosine of an embedding with the eager model's of the same text."""

    cosine: float = Field(0.99999, gt=0, le=1)
    """Of a form in full precision."""
    reduced: float = Field(0.9999, gt=0, le=1)
    """Of a reduced precision."""
    same: float = Field(0.98, gt=0, le=1)
    """Of another version of the model, for the two to have said the same."""


class EmbeddingSource(TextSource):
    """model.toml of the task text-embedding."""

    task: Literal["text-embedding"]
    tolerance: Tolerance
    probes: List[ProbeText] = Field(min_length=3)

    @model_validator(mode="after")
    def _neighbours_are_probes(self) -> EmbeddingSource:
        texts = [probe.text for probe in self.probes]
        if len(set(texts)) < len(texts):
            raise ValueError("two probes have the same text")
        for probe in self.probes:
            if probe.nearest not in texts or probe.nearest == probe.text:
                raise ValueError(f"nearest = {probe.nearest!r} is the text of no other probe")
        return self
