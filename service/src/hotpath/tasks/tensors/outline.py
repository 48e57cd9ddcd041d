"""A model of tensors as far as it is known without numpy, and without its code."""

from __future__ import annotations

from functools import partial
from typing import Any, Dict, List, Tuple

from hotpath.core import slot_bytes
from hotpath.models.built import BuiltModel
from hotpath.tasks.outline import Outline, Probe
from hotpath.tasks.tensors.expected import differences
from hotpath.tasks.tensors.specs import specs


class TensorsOutline(Outline):
    """Of a built model."""

    def __init__(self, model: BuiltModel) -> None:
        self._model = model
        document = model.document
        self._specs = specs(document["inputs"])
        self._code = document["files"].get(document["code"])
        self._probes = [
            Probe(
                one["file"],
                one["content_type"],
                model.read(one["file"]),
                partial(_read, one["expect"], one["within"]),
            )
            for one in document["probes"]
        ]
        self.input = ", ".join(
            f"{one.name} {one.dtype} {'x'.join(map(str, one.shape))}" for one in self._specs
        )
        self.slot_bytes = slot_bytes(self._specs)

    def same_input(self, other: Outline) -> bool:
        """Whether tensors are the same, and so is the code that makes them of requests."""
        return isinstance(other, TensorsOutline) and (self._specs, self._code) == (other._specs, other._code)

    def probes(self) -> List[Probe]:
        """The bodies of requests."""
        return self._probes


def outline(model: BuiltModel) -> TensorsOutline:
    """Of a built model. Raises ModelError."""
    return TensorsOutline(model)


def _read(expect: Dict[str, Any], within: float, answer: Dict[str, Any]) -> Tuple[str, str]:
    said = ", ".join(f"{key} = {str(answer.get(key))[:40]}" for key in expect)
    return said, "; ".join(differences(expect, answer, within))
