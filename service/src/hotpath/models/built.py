"""A built model directory: what `hotpath build` wrote and the service loads.

model.json describes it and holds every other file's SHA-256: a truncated or swapped file is named at start.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Tuple

from hotpath.core import ModelError, ModelIdentity
from hotpath.tasks import known

if TYPE_CHECKING:
    from hotpath.tasks.task import Task

FORMAT = 2
"""Version of the directory's layout; part of every model version, so that a change of it makes new ones."""

METADATA = "model.json"


@dataclass(frozen=True)
class Probe:
    """A real image with the labels that a right model may give it."""

    file: str
    accept: Tuple[str, ...]


@dataclass(frozen=True)
class BuiltModel:
    """The description of one built model."""

    directory: Path
    identity: ModelIdentity
    architecture: str
    labels: Tuple[str, ...]
    top_k: int
    preprocessing: Mapping[str, Any]
    artifacts: Mapping[str, str]
    """Back end -> the file it loads."""
    probes: Tuple[Probe, ...]
    document: Mapping[str, Any]
    """model.json as it stands."""

    @property
    def shape(self) -> Tuple[int, int, int]:
        """Height, width and channels of the uint8 input."""
        return int(self.preprocessing["height"]), int(self.preprocessing["width"]), 3

    @property
    def input_bytes(self) -> int:
        """Bytes of one input, which a slot must hold."""
        height, width, channels = self.shape
        return height * width * channels

    def task(self) -> Task:
        """What this model does, for a process that has numpy. Raises ModelError."""
        return known.create(self.directory, self.document)

    def precision(self, backend: str) -> str:
        """The arithmetic that a back end runs this model in."""
        chosen = {
            "numeric": "float64",
            "tensorrt": "float16",
            "onednn": self.document["precision"].get("chosen"),
        }
        return chosen.get(backend) or "float32"

    def read_probe(self, probe: Probe) -> bytes:
        """The photograph as it was sent. Raises ModelError."""
        try:
            return (self.directory / probe.file).read_bytes()
        except OSError as error:
            raise ModelError(
                f"The probe {self.directory / probe.file} can't be read: {error.strerror}.",
                "Copy or build this model version again.",
            ) from error

    def artifact(self, backend: str) -> Path:
        """The file that a back end loads. Raises ModelError when the model was not built for it."""
        if backend == "tensorrt" and (self.directory / "engines").is_dir():
            return self.directory / "engines"
        if backend not in self.artifacts:
            reasons = {
                "onednn": self.document["precision"].get("reason", ""),
                "tensorrt": "Engines are made for each GPU: hotpath build ... --tensorrt cuda:0.",
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
    remedy = "Copy or build this model version again."
    try:
        if verify:
            problems = damaged_files(directory, document["files"])
            if problems:
                raise ModelError(
                    f"The model directory {directory} is damaged: {'; '.join(problems)}.", remedy
                )
        return _describe(directory, document)
    except OSError as error:
        raise ModelError(
            f"The model directory {directory} is incomplete: {error.filename}: {error.strerror}.", remedy
        ) from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:  # of a document that is not ours
        raise ModelError(
            f"The model directory {directory} can't be understood: {type(error).__name__}: {error}.", remedy
        ) from error


def _describe(directory: Path, document: Dict[str, Any]) -> BuiltModel:
    if document["task"] not in known.NAMES:
        raise ModelError(
            f"The model in {directory} has the task {document['task']!r}, and this release knows: "
            f"{', '.join(known.NAMES)}.",
            "Serve it with a release that knows the task, or correct `task` in model.toml and build again.",
        )
    for key in ("files", "precision", "tolerance"):  # read later, where nobody expects them to be missing
        document[key].keys()
    labels = (directory / document["labels"]).read_text(encoding="utf-8").splitlines()
    return BuiltModel(
        directory=directory,
        identity=ModelIdentity(document["name"], document["version"]),
        architecture=document["architecture"],
        labels=tuple(labels),
        top_k=document["top_k"],
        preprocessing=document["preprocessing"],
        artifacts=document["artifacts"],
        probes=tuple(Probe(item["file"], tuple(item["accept"])) for item in document["probes"]),
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
