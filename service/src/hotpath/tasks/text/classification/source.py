"""model.toml of a text classifier."""

from __future__ import annotations

from typing import List

from pydantic import Field, model_validator
from typing_extensions import Literal

from hotpath.models.source import SourceFile, Table
from hotpath.tasks.text.source import TextSource


class ProbeText(Table):
    """A text and the labels that are right for it."""

    text: str = Field(min_length=1)
    accept: List[str] = Field(min_length=1)


class Tolerance(Table):
    """The most by which a label's probability may differ; the best one must be the same."""

    absolute: float = Field(1e-3, gt=0)
    """Of a form in full precision."""
    largest: float = Field(0.05, gt=0, le=1)
    """Of a reduced precision."""


class TextClassifierSource(TextSource):
    """model.toml of the task text-classification."""

    task: Literal["text-classification"]
    head: SourceFile
    """Safetensors: `weight` (labels, width) and `bias` (labels,), for embeddings of length one."""
    labels: List[str] = Field(min_length=2)
    top_k: int = Field(5, ge=1, le=64)
    """At most; fewer where there are fewer labels."""
    tolerance: Tolerance
    probes: List[ProbeText] = Field(min_length=1)

    @model_validator(mode="after")
    def _probes_name_labels(self) -> TextClassifierSource:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("two labels are the same")
        for probe in self.probes:
            for label in probe.accept:
                if label not in self.labels:
                    raise ValueError(f"accept names {label!r}, which is none of the labels")
        return self
