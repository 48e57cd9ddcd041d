"""How an object detector is built."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Tuple

from hotpath.core import ModelError
from hotpath.tasks import pictures
from hotpath.tasks.detection.source import DetectorSource
from hotpath.tasks.detection.task import spec_of
from hotpath.tasks.detection.telling import TELLING
from hotpath.tasks.recipe import Recipe, importing_torch, unfinished


class DetectorRecipe(Recipe[DetectorSource]):
    """Traced for every back end of torch, lowered for processors in the fastest precision that agrees."""

    source = DetectorSource
    telling = TELLING

    def describe(self, source: DetectorSource) -> Dict[str, Any]:
        """Labels, layout, preprocessing, thresholds and probes."""
        return {
            "labels": source.labels.file,
            "layout": source.layout.file if source.layout else "",
            "preprocessing": source.preprocessing.model_dump(),
            "finding": source.finding.model_dump(),
            "probes": [
                {"file": probe.file, "find": [thing.model_dump() for thing in probe.find]}
                for probe in source.probes
            ],
        }

    def check(self, source: DetectorSource, directory: Path) -> None:
        """The labels are text and have those of the probes, which are photographs."""
        labels = _labels(directory / source.labels.file)
        spec = spec_of(source.preprocessing.model_dump())
        for probe in source.probes:
            pictures.decode_probe((directory / probe.file).read_bytes(), spec, probe.file)
            for thing in probe.find:
                if thing.label not in labels:
                    raise ModelError(
                        f"On {probe.file} there is {thing.label!r} to find, which is none of the labels of "
                        f"{source.name}.",
                        "Correct the probe, or complete the labels.",
                    )

    def make(self, source: DetectorSource, directory: Path) -> Tuple[Dict[str, str], Dict[str, Any]]:
        """Forms for eager, torchscript and, where the network can be lowered, onednn."""
        with importing_torch(source):
            import torch

            from hotpath.models.tracing import freeze
            from hotpath.tasks.detection import network, precision
        model = unfinished(self, source, directory)
        steps = source.preprocessing
        example = torch.zeros((2, steps.height, steps.width, 3), dtype=torch.uint8)
        torch.jit.save(freeze(network.eager(model), example), str(directory / "model.pt"))
        artifacts = {"torchscript": "model.pt", **model.artifacts}
        report = precision.choose(model, source.precision, directory / "onednn.pt")
        if report["chosen"]:
            artifacts["onednn"] = "onednn.pt"
        return artifacts, report


RECIPE = DetectorRecipe()


def _labels(path: Path) -> Tuple[str, ...]:
    """Raises ModelError."""
    try:
        return tuple(path.read_text(encoding="utf-8").splitlines())
    except UnicodeDecodeError as error:
        raise ModelError(f"The labels {path} can't be read: {error}.", "Save them as UTF-8.") from error
