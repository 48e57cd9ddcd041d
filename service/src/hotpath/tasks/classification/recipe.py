"""How an image classifier is built."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Tuple

from hotpath.codec import ImageSpec
from hotpath.core import ModelError
from hotpath.tasks import pictures
from hotpath.tasks.classification.source import ClassifierSource
from hotpath.tasks.classification.telling import TELLING
from hotpath.tasks.recipe import Recipe, importing_torch

STAND_IN = "numeric"
"""The architecture that needs no torch; see the module of that name."""


class ClassifierRecipe(Recipe[ClassifierSource]):
    """Traced for every back end of torch, lowered for processors in the fastest precision that agrees."""

    source = ClassifierSource
    telling = TELLING

    def describe(self, source: ClassifierSource) -> Dict[str, Any]:
        """Labels, ranks, preprocessing and probes."""
        return {
            "labels": source.labels.file,
            "top_k": source.top_k,
            "preprocessing": source.preprocessing.model_dump(),
            "probes": [{"file": probe.file, "accept": probe.accept} for probe in source.probes],
        }

    def check(self, source: ClassifierSource, directory: Path) -> None:
        """The labels are text, and the probes photographs."""
        _count_lines(directory / source.labels.file)
        spec = ImageSpec.from_dict(source.preprocessing.model_dump())
        for probe in source.probes:
            pictures.decode_probe((directory / probe.file).read_bytes(), spec, probe.file)

    def make(self, source: ClassifierSource, directory: Path) -> Tuple[Dict[str, str], Dict[str, Any]]:
        """Forms for eager, torchscript and, where the network can be lowered, onednn."""
        if source.architecture == STAND_IN:
            return {"numeric": source.weights.file}, {}
        with importing_torch(source):
            from hotpath.tasks.classification import precision
            from hotpath.tasks.classification.scripting import script

        classes = _count_lines(directory / source.labels.file)
        script(source, directory / source.weights.file, classes, directory / "model.pt")
        artifacts = {"torchscript": "model.pt", "eager": source.weights.file}
        report = precision.choose(source, directory, classes, directory / "onednn.pt")
        if report["chosen"]:
            artifacts["onednn"] = "onednn.pt"
        return artifacts, report


RECIPE = ClassifierRecipe()


def _count_lines(labels: Path) -> int:
    """How many labels there are. Raises ModelError."""
    try:
        return len(labels.read_text(encoding="utf-8").splitlines())
    except UnicodeDecodeError as error:
        raise ModelError(f"The labels {labels} can't be read: {error}.", "Save them as UTF-8.") from error
