"""model.toml of an image classifier."""

from __future__ import annotations

from typing import List

from pydantic import Field, field_validator, model_validator
from typing_extensions import Literal

from hotpath.models.source import Source, SourceFile, Table


class ProbeFile(SourceFile):
    """A probe image and the labels that are right for it."""

    accept: List[str] = Field(min_length=1)


class Preprocessing(Table):
    """How an image becomes the model's input. Mean and standard deviation are in units of 0..255."""

    height: int = Field(ge=1)
    width: int = Field(ge=1)
    resize_shorter: int = Field(ge=1)
    crop: Literal["center"] = "center"
    interpolation: Literal["bicubic", "bilinear"]
    mean: List[float] = Field(min_length=3, max_length=3)
    std: List[float] = Field(min_length=3, max_length=3)

    @field_validator("std")
    @classmethod
    def _divides(cls, std: List[float]) -> List[float]:
        if not all(value > 0 for value in std):
            raise ValueError("each standard deviation is above 0")
        return std

    @model_validator(mode="after")
    def _crop_fits(self) -> Preprocessing:
        if self.resize_shorter < max(self.height, self.width):
            raise ValueError(
                f"resize_shorter = {self.resize_shorter} is less than the {self.height} x {self.width} "
                "that are cut out of it"
            )
        return self


class Tolerance(Table):
    """How far a built form may be from the eager model. See agreement.Agreement for what is counted."""

    absolute: float = Field(gt=0)
    """The most by which a probability of a float32 form may differ."""
    top1: float = Field(0.98, gt=0, le=1)
    """Of a reduced precision: the least share of decided crops with the same best class."""
    mean: float = Field(0.03, gt=0, le=1)
    """Of a reduced precision: the most by which probabilities may differ, on average over crops."""
    largest: float = Field(0.25, gt=0, le=1)
    """Of a reduced precision: the most by which any probability may differ, on crops and on probes."""


class ClassifierSource(Source):
    """model.toml of the task image-classification."""

    task: Literal["image-classification"]
    labels: SourceFile
    preprocessing: Preprocessing
    tolerance: Tolerance
    top_k: int = Field(5, ge=1, le=64)
    probes: List[ProbeFile] = Field(min_length=1)
