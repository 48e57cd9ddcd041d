"""A text classifier as far as it is known without numpy."""

from __future__ import annotations

from functools import partial
from typing import Any, Dict, List, Sequence, Tuple

from hotpath.models.built import BuiltModel
from hotpath.tasks.outline import Probe
from hotpath.tasks.text.outline import TextOutline, asking, shortened


class TextClassifierOutline(TextOutline):
    """Of a built model."""

    def __init__(self, model: BuiltModel) -> None:
        super().__init__(model)
        self._probes = [(str(probe["text"]), tuple(probe["accept"])) for probe in model.document["probes"]]
        if not 1 <= model.document["top_k"] <= len(model.document["labels"]):
            raise ValueError(f"top_k is {model.document['top_k']}")

    def probes(self) -> List[Probe]:
        """A request for each text."""
        return [
            Probe(shortened(text), "application/json", asking(text), partial(_read, accept))
            for text, accept in self._probes
        ]


def outline(model: BuiltModel) -> TextClassifierOutline:
    """Of a built model. Raises ModelError."""
    return TextClassifierOutline(model)


def _read(accept: Sequence[str], answer: Dict[str, Any]) -> Tuple[str, str]:
    said = f"{answer['label']} {answer['score']:.3f}"
    if answer["label"] in accept:
        return said, ""
    return said, f"{answer['label']!r} ({answer['score']:.3f}); right would be: {', '.join(accept)}"
