"""model.toml of an object detector."""

from __future__ import annotations

from typing import List, Optional, Tuple

from pydantic import Field, field_validator, model_validator
from typing_extensions import Literal

from hotpath.models.source import Source, SourceFile, Table

STRIDES = (8, 16, 32)
"""Pixels of the input to one position of each map, finest first."""

MOST_CANDIDATES = 150
"""As many as an answer has room for in a message."""


class Thing(Table):
    """What a right model finds on a probe."""

    label: str
    box: Tuple[float, float, float, float]
    """Left, top, right and bottom in pixels of the photograph; what overlaps it by half is right too."""

    @model_validator(mode="after")
    def _encloses(self) -> Thing:
        left, top, right, bottom = self.box
        if not (0 <= left < right and 0 <= top < bottom):
            raise ValueError("a box is left, top, right and bottom, in this order")
        return self


class ProbeFile(SourceFile):
    """A photograph and what there is to find on it."""

    find: List[Thing] = Field(min_length=1)


class Preprocessing(Table):
    """How a picture becomes the model's input.

    Mean and standard deviation are of red, green and blue, in units of 0..255.
    """

    height: int = Field(ge=STRIDES[-1])
    width: int = Field(ge=STRIDES[-1])
    fit: Literal["stretch", "letterbox"]
    padding: Tuple[int, int, int] = (0, 0, 0)
    """Red, green and blue of what a letterbox leaves free."""
    interpolation: Literal["bicubic", "bilinear"]
    channel_order: Literal["rgb", "bgr"] = "rgb"
    """In which the network was trained."""
    mean: List[float] = Field(min_length=3, max_length=3)
    std: List[float] = Field(min_length=3, max_length=3)

    @field_validator("std")
    @classmethod
    def _divides(cls, std: List[float]) -> List[float]:
        if not all(value > 0 for value in std):
            raise ValueError("each standard deviation is above 0")
        return std

    @field_validator("padding")
    @classmethod
    def _is_a_colour(cls, padding: Tuple[int, int, int]) -> Tuple[int, int, int]:
        if not all(0 <= value <= 255 for value in padding):
            raise ValueError("each number of a colour is from 0 to 255")
        return padding

    @field_validator("height", "width")
    @classmethod
    def _is_whole_positions(cls, side: int) -> int:
        if side % STRIDES[-1]:
            raise ValueError("a side of the input is a multiple of 32, the stride of the coarsest map")
        return side


class Finding(Table):
    """What of the candidates is an object, where a request does not say."""

    threshold: float = Field(default=0.4, ge=0, le=1)
    """The least score."""
    iou: float = Field(default=0.5, ge=0, le=1)
    """Of two of one class that overlap by more than this, the one with the lower score is left out."""
    candidates: int = Field(default=100, ge=1, le=MOST_CANDIDATES)
    """The best of each picture, which the network gives; requests can choose among these."""


class Tolerance(Table):
    """How far a built form may be from the eager model. See agreement.Agreement for what is counted."""

    absolute: float = Field(gt=0)
    """The most by which a score of a float32 form may differ."""
    matched: float = Field(0.98, gt=0, le=1)
    """Of a reduced precision: the least share of clear objects that both forms find."""
    overlap: float = Field(0.9, gt=0, le=1)
    """Of a reduced precision: the least overlap of both forms' boxes around an object, on average."""
    largest: float = Field(0.1, gt=0, le=1)
    """Of a reduced precision: the most by which a score may differ."""


class DetectorSource(Source):
    """model.toml of the task object-detection."""

    task: Literal["object-detection"]
    layout: Optional[SourceFile] = None
    """TensorFlow.js's description of the weights, where they are in its form, and not a state dict."""
    labels: SourceFile
    preprocessing: Preprocessing
    finding: Finding = Field(default_factory=Finding)
    tolerance: Tolerance
    probes: List[ProbeFile] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_so_many_candidates(self) -> DetectorSource:
        if self.architecture == "torchscript":
            return self  # the network alone knows
        area = self.preprocessing.height * self.preprocessing.width
        positions = sum(area // stride**2 for stride in STRIDES)
        if self.finding.candidates > positions:
            raise ValueError(
                f"candidates = {self.finding.candidates}, but the network looks at {positions} positions"
            )
        return self
