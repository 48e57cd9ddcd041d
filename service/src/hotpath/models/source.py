"""What every model source says: model.toml, beside weights and what the task needs, before it is built."""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePosixPath
from typing import Any, Dict, Iterator, List

from pydantic import BaseModel, ConfigDict, Field, field_validator
from typing_extensions import Literal

from hotpath.models.built import FORMAT

DESCRIPTION = "model.toml"

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
"""What a model may be called."""

RESERVED = frozenset(
    {"model.json", "model.pt", "onednn.pt", "exported.pt2", "report.json", "report.txt", "engines"}
)
"""What a build writes beside the source's files."""


class Table(BaseModel):
    """A table of model.toml, in which nothing may stand that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceFile(Table):
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


class Source(Table):
    """What model.toml says of a model of any task; each task adds its own."""

    name: str = Field(pattern=NAME)
    task: str
    architecture: str
    license: str
    weights: SourceFile
    precision: Literal["auto", "float32", "bfloat16", "int8"] = "auto"
    """What the back end onednn runs in; auto is the fastest that agrees, on the machine that builds."""
    tolerance: Table
    """How far a built form may be from the eager model, as the task measures it."""
    sources: List[Dict[str, Any]] = []
    """Where the files come from; only the script that assembles the directory reads it."""

    @property
    def files(self) -> Dict[str, str]:
        """Every file that a table of it names, and its SHA-256."""
        return {found.file: found.sha256 for found in _files_in(self)}

    @property
    def version(self) -> str:
        """First 12 hexadecimal digits of a SHA-256 over all that decides about answers."""
        content = self.model_dump(exclude={"sources"})
        text = json.dumps({"format": FORMAT, "source": content}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _files_in(value: Any) -> Iterator[SourceFile]:
    if isinstance(value, SourceFile):
        yield value
    elif isinstance(value, Table):
        for name in type(value).model_fields:
            yield from _files_in(getattr(value, name))
    elif isinstance(value, list):
        for one in value:
            yield from _files_in(one)
