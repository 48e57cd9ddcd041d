"""An image classifier as far as it is known without numpy."""

from __future__ import annotations

from functools import partial
from typing import Any, Dict, List, Sequence, Tuple

from hotpath.core import ModelError
from hotpath.models.built import BuiltModel
from hotpath.tasks.outline import Outline, Probe

_SIZES = ("height", "width", "resize_shorter")
_CHOICES = {"interpolation": ("bicubic", "bilinear"), "crop": ("center",)}
_OF_THE_MODEL = ("mean", "std")
"""Inside the network, so they don't matter for how an image becomes a slot."""


class ClassifierOutline(Outline):
    """Of a built model."""

    def __init__(self, model: BuiltModel) -> None:
        self._model = model
        document = model.document
        found = document["preprocessing"]
        self._steps: Dict[str, Any] = found if isinstance(found, dict) else {}
        self._check()
        self._photographs = [(probe["file"], tuple(probe["accept"])) for probe in document["probes"]]
        labels = model.read(document["labels"]).decode("utf-8").splitlines()
        if not 1 <= document["top_k"] <= len(labels):
            raise ValueError(f"top_k is {document['top_k']}, and there are {len(labels)} labels")
        height, width = self._steps["height"], self._steps["width"]
        self.input = f"{height}x{width}x3"
        self.slot_bytes = height * width * 3

    def same_input(self, other: Outline) -> bool:
        """Whether both are given the same pixels of an image."""
        return isinstance(other, ClassifierOutline) and self._pixels() == other._pixels()

    def probes(self) -> List[Probe]:
        """The photographs, raw."""
        return [
            Probe(file, "application/octet-stream", self._model.read(file), partial(_read, accept))
            for file, accept in self._photographs
        ]

    def _check(self) -> None:
        """Whether codec.ImageSpec takes the model's preprocessing, which brings numpy and can't be asked."""
        known = self._steps
        problems = [f"{key} is {known.get(key)!r}" for key in _SIZES if type(known.get(key)) is not int]
        problems += [
            f"{key} is {known[key]!r}"
            for key, choices in _CHOICES.items()
            if key in known and known[key] not in choices
        ]
        strange = known.keys() - {*_SIZES, *_CHOICES, *_OF_THE_MODEL}
        problems += [f"{key!r} is unknown" for key in sorted(strange)]
        if not problems and not _fits(*(known[key] for key in _SIZES)):
            problems = [f"{key} is {known[key]}" for key in _SIZES]
        if problems:
            raise ModelError(
                f"The model directory {self._model.directory} can't be understood: of its preprocessing, "
                f"{', '.join(problems)}.",
                "Copy or build this model version again.",
            )

    def _pixels(self) -> object:
        """How an image becomes a slot."""
        return {key: value for key, value in self._steps.items() if key not in _OF_THE_MODEL}


def outline(model: BuiltModel) -> ClassifierOutline:
    """Of a built model. Raises ModelError."""
    return ClassifierOutline(model)


def _fits(height: int, width: int, resize_shorter: int) -> bool:
    return min(height, width) >= 1 and max(height, width) <= resize_shorter


def _read(accept: Sequence[str], answer: Dict[str, Any]) -> Tuple[str, str]:
    said = f"{answer['label']} {answer['score']:.3f}"
    if answer["label"] in accept:
        return said, ""
    return said, f"{answer['label']!r} ({answer['score']:.3f}); right would be: {', '.join(accept)}"
