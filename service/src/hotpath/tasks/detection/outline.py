"""An object detector as far as it is known without numpy."""

from __future__ import annotations

from functools import partial
from typing import Any, Dict, List, Tuple

from hotpath.models.built import BuiltModel
from hotpath.tasks.detection.wanted import verdict
from hotpath.tasks.outline import Outline, Probe

_OF_THE_SLOT = ("height", "width", "fit", "padding", "interpolation")
"""What matters for how a picture becomes a slot; the rest is inside the network."""
_FITS = ("stretch", "letterbox")
_INTERPOLATIONS = ("bicubic", "bilinear")


class DetectorOutline(Outline):
    """Of a built model."""

    def __init__(self, model: BuiltModel) -> None:
        """Raises ModelError, and what `models.built.understood` turns into one."""
        self._model = model
        document = model.document
        self._steps: Dict[str, Any] = {key: document["preprocessing"][key] for key in _OF_THE_SLOT}
        height, width = self._steps["height"], self._steps["width"]
        if type(height) is not int or type(width) is not int or min(height, width) < 1:
            raise ValueError(f"height is {height!r} and width {width!r}")
        if self._steps["fit"] not in _FITS or self._steps["interpolation"] not in _INTERPOLATIONS:
            raise ValueError(
                f"fit is {self._steps['fit']!r} and interpolation {self._steps['interpolation']!r}"
            )
        self._photographs = [(probe["file"], probe["find"]) for probe in document["probes"]]
        if not model.read(document["labels"]).decode("utf-8").splitlines():
            raise ValueError("there are no labels")
        self.input = f"{height}x{width}x3"
        self.slot_bytes = height * width * 3

    def same_input(self, other: Outline) -> bool:
        """Whether both are given the same pixels of a picture."""
        return isinstance(other, DetectorOutline) and self._steps == other._steps

    def probes(self) -> List[Probe]:
        """The photographs, raw."""
        return [
            Probe(file, "application/octet-stream", self._model.read(file), partial(_read, find))
            for file, find in self._photographs
        ]


def outline(model: BuiltModel) -> DetectorOutline:
    """Of a built model. Raises ModelError."""
    return DetectorOutline(model)


def _read(find: List[Dict[str, Any]], answer: Dict[str, Any]) -> Tuple[str, str]:
    return verdict(answer, find)
