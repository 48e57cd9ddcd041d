"""A built model directory: what `hotpath build` wrote and the service loads.

model.json describes it and holds every other file's SHA-256: a truncated or swapped file is named at start.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping

from hotpath.core import ModelError, ModelIdentity

FORMAT = 2
"""Version of the directory's layout; part of every model version, so that a change of it makes new ones."""

METADATA = "model.json"

EXPORTS_FROM = (2, 6)
"""The first torch that brings a program to another device, for which `arange` and the like are written."""

EXPORTED = "exported"
"""How the names of exported programs begin; also where model.json tells of them."""

_AGAIN = "Copy or build this model version again."
_NOT_EXPORTED = (
    "Programs for GPUs are written where torch is one for CUDA, or with hotpath build ... --exported."
)


@dataclass(frozen=True)
class BuiltModel:
    """The description of one built model."""

    directory: Path
    identity: ModelIdentity
    task: str
    architecture: str
    artifacts: Mapping[str, str]
    """Back end -> the file it loads."""
    document: Mapping[str, Any]
    """model.json as it stands."""

    def precision(self, backend: str) -> str:
        """The arithmetic that a back end runs this model in."""
        chosen = {
            "numeric": "float64",
            "tensorrt": "float16",
            "onednn": self.document["precision"].get("chosen"),
            "cuda": self.exported.get("precision"),
        }
        return chosen.get(backend) or "float32"

    @property
    def exported(self) -> Mapping[str, Any]:
        """What the build says of exported programs; nothing where it was not to make any."""
        found: Mapping[str, Any] = self.document.get(EXPORTED, {})
        return found

    def programs(self) -> Dict[int, Path]:
        """Exported programs by batch size; 0 stands for any. Raises ModelError where there are none."""
        self.artifact("cuda")
        return {int(size): self.directory / name for size, name in self.exported["files"].items()}

    def read(self, file: str) -> bytes:
        """A file of the model. Raises ModelError."""
        with understood(self.directory):
            return (self.directory / file).read_bytes()

    def artifact(self, backend: str) -> Path:
        """The file that a back end loads. Raises ModelError when the model was not built for it."""
        if backend == "tensorrt" and (self.directory / "engines").is_dir():
            return self.directory / "engines"
        if backend not in self.artifacts:
            reasons = {
                "onednn": self.document["precision"].get("reason", ""),
                "tensorrt": "Engines are made on each host: hotpath engines --config FILE.",
                "cuda": self.exported.get("reason", _NOT_EXPORTED),
            }
            reason = reasons.get(backend, "")
            raise ModelError(
                f"The model {self.identity.name} in {self.directory} was not built for the back end "
                f"{backend!r}. {reason}".strip(),
                f"Set backend to one of {', '.join(sorted(self.artifacts))}, or build the model for it.",
            )
        return self.directory / self.artifacts[backend]


def load(directory: Path, verify: bool = True) -> BuiltModel:
    """Describe the model in `directory`; with `verify`, hash every file first. Raises ModelError."""
    directory = directory.resolve()  # `current` may move on while we read
    document = _metadata(directory)
    with understood(directory):
        if verify:
            problems = damaged_files(directory, document["files"])
            if problems:
                raise ModelError(
                    f"The model directory {directory} is damaged: {'; '.join(problems)}.", _AGAIN
                )
        return _describe(directory, document)


@contextlib.contextmanager
def understood(directory: Path) -> Iterator[None]:
    """Turns what comes of a description that is not ours, or of files that are missing, into ModelError."""
    try:
        yield
    except OSError as error:
        raise ModelError(
            f"The model directory {directory} is incomplete: {error.filename}: {error.strerror}.", _AGAIN
        ) from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ModelError(
            f"The model directory {directory} can't be understood: {type(error).__name__}: {error}.", _AGAIN
        ) from error


def _describe(directory: Path, document: Dict[str, Any]) -> BuiltModel:
    for key in ("files", "precision", "tolerance"):  # read later, where nobody expects them to be missing
        document[key].keys()
    return BuiltModel(
        directory=directory,
        identity=ModelIdentity(document["name"], document["version"]),
        task=document["task"],
        architecture=document["architecture"],
        artifacts=document["artifacts"],
        document=document,
    )


def damaged_files(directory: Path, expected: Mapping[str, str]) -> List[str]:
    """Files that are missing or whose SHA-256 differs, each as a phrase that says which and how."""
    problems = []
    for name, wanted in sorted(expected.items()):
        path = directory / name
        if not path.is_file():
            problems.append(f"{name} is missing")
            continue
        found = digest(path)
        if found != wanted:
            problems.append(f"{name} has SHA-256 {found} ({path.stat().st_size} bytes) instead of {wanted}")
    return problems


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    state = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            state.update(block)
    return state.hexdigest()


def _metadata(directory: Path) -> Dict[str, Any]:
    path = directory / METADATA
    remedy = "Build the model with `hotpath build`, and point models.path at the directory it printed."
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(
            f"There is no readable model in {directory}: {path}: {error.strerror}.", remedy
        ) from error
    except ValueError as error:
        raise ModelError(f"The model description {path} is damaged: {error}.", remedy) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else None
        raise ModelError(f"{path} has the format {found!r}, and this service reads {FORMAT}.", remedy)
    return document
