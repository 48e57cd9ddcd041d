"""A model source directory: model.toml, weights, labels and probe images, before it is built."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path, PurePosixPath
from typing import Any, Dict, List

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from typing_extensions import Literal

from hotpath.core import ModelError
from hotpath.models.built import FORMAT, damaged_files

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DESCRIPTION = "model.toml"

RESERVED = frozenset({"model.json", "model.pt", "onednn.pt", "report.json", "report.txt", "engines"})
"""What a build writes beside the source's files."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceFile(_Table):
    """A file of the source and its SHA-256."""

    file: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")

    @field_validator("file")
    @classmethod
    def _lies_in_the_source(cls, file: str) -> str:
        path = PurePosixPath(file)
        if path.is_absolute() or ".." in path.parts or str(path) != file or file == ".":
            raise ValueError("a file's name is a plain path from model.toml on, without '..'")
        if path.parts[0] in RESERVED:
            raise ValueError(f"the build writes a {path.parts[0]} of its own; name the file otherwise")
        return file


class ProbeFile(SourceFile):
    """A probe image and the labels that are right for it."""

    accept: List[str] = Field(min_length=1)


class Preprocessing(_Table):
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


class Tolerance(_Table):
    """How far a built form may be from the eager model. See agreement.Agreement for what is counted."""

    absolute: float = Field(gt=0)
    """The most by which a probability of a float32 form may differ."""
    top1: float = Field(0.98, gt=0, le=1)
    """Of a reduced precision: the least share of decided crops with the same best class."""
    mean: float = Field(0.03, gt=0, le=1)
    """Of a reduced precision: the most by which probabilities may differ, on average over crops."""
    largest: float = Field(0.25, gt=0, le=1)
    """Of a reduced precision: the most by which any probability may differ, on crops and on probes."""


class Source(_Table):
    """model.toml."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    task: Literal["image-classification"]
    architecture: str
    license: str
    weights: SourceFile
    labels: SourceFile
    preprocessing: Preprocessing
    tolerance: Tolerance
    precision: Literal["auto", "float32", "bfloat16", "int8"] = "auto"
    """What the back end onednn runs in; auto is the fastest that agrees, on the machine that builds."""
    top_k: int = Field(5, ge=1, le=64)
    probes: List[ProbeFile] = Field(min_length=1)
    sources: List[Dict[str, Any]] = []
    """Where the files come from; only the script that assembles the directory reads it."""

    @property
    def files(self) -> Dict[str, str]:
        """Every file and its SHA-256."""
        return {item.file: item.sha256 for item in [self.weights, self.labels, *self.probes]}

    @property
    def version(self) -> str:
        """First 12 hexadecimal digits of a SHA-256 over all that decides about answers."""
        content = self.model_dump(exclude={"sources"})
        text = json.dumps({"format": FORMAT, "source": content}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def read(directory: Path) -> Source:
    """Read model.toml and check every file it names. Raises ModelError."""
    path = directory / DESCRIPTION
    try:
        document: Dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        source = Source.model_validate(document)
    except OSError as error:
        raise ModelError(
            f"There is no model source in {directory}: {path}: {error.strerror}.",
            f"Name a directory that holds {DESCRIPTION} and the files it lists.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is not valid TOML: {error}.", "Correct that line.") from error
    except ValidationError as error:
        problems = [
            ".".join(str(part) for part in item["loc"]) + f" = {item['input']!r}: {item['msg']}"
            for item in error.errors()
        ]
        raise ModelError(f"{path} can't be used: {'; '.join(problems)}.", "Correct these keys.") from error
    damaged = damaged_files(directory, source.files)
    if damaged:
        raise ModelError(
            f"The model source {directory} does not match its {DESCRIPTION}: {'; '.join(damaged)}.",
            "Assemble the source directory again.",
        )
    return source
