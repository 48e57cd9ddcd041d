"""Tensors by name in JSON, which a user's own task replaces by what its users send and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy
from pydantic import BaseModel

from hotpath import json_text
from hotpath.core import InputError, ModelError, TensorSpec
from hotpath.tasks.datatypes import NAMES
from hotpath.tasks.task import (
    Array,
    Ask,
    Column,
    Content,
    Element,
    Fill,
    Item,
    Limits,
    Outputs,
    Prepared,
    Task,
    Values,
)
from hotpath.tasks.tensors.agreement import differing, packed, unpacked
from hotpath.tasks.tensors.arrays import array_of
from hotpath.tasks.tensors.expected import differences

_JSON = "application/json"


class Answer(BaseModel):
    """What the model says, as its code describes it."""

    model_config = {"extra": "allow"}


class OwnTask(Task):
    """One model. A subclass overrides what of `read`, `describe`, `same` and `types` is its own."""

    name = "tensors"
    answer = Answer
    element: Optional[Element] = None
    takes_tensors = True

    types: Tuple[str, ...] = (_JSON,)
    """Types of content that `read` takes; a star stands for any that begin so, as in image/*."""
    remedy = 'Send JSON with the Content-Type application/json, such as {"inputs": {"x": [[1, 2], [3, 4]]}}.'
    """What to do instead, for those who sent another type."""

    def __init__(
        self,
        model: str,
        document: Mapping[str, Any],
        directory: Path,
        inputs: Tuple[TensorSpec, ...],
        outputs: Tuple[TensorSpec, ...],
    ) -> None:
        self._model = model
        self.directory = directory
        """Of the built model: its files lie there."""
        self.inputs = inputs
        self.outputs = outputs
        self.lengths: Tuple[int, ...] = tuple(document["lengths"])
        self._probes = document["probes"]
        self._tolerance = document["tolerance"]
        self.columns = {one.name: Column(NAMES[one.dtype], one.shape) for one in outputs}
        self.content = Content(self.types, self.remedy, {kind: {} for kind in self.types})

    # What a user's own task overrides

    def read(self, body: bytes, kind: str, options: Mapping[str, str]) -> Union[Item, List[Item]]:
        """The item of a request, or several, each an array for each input. Raises InputError.

        `kind` is the body's type, `options` are the parameters of the address.
        """
        return self._from_json(body)

    def describe(self, outputs: Tuple[Array, ...]) -> Dict[str, Any]:
        """The answer for one item, as JSON has it."""
        return {"outputs": {spec.name: found.tolist() for spec, found in zip(self.outputs, outputs)}}

    def same(self, one: Tuple[Array, ...], other: Tuple[Array, ...]) -> bool:
        """Whether two versions of the model said the same of an item, as far as people mind."""
        return differing(one, other) <= float(self._tolerance["largest"])

    # What of a task follows from it

    def asked(self, body: bytes, kind: str, options: Mapping[str, str], limits: Limits) -> Ask:
        """As `read` says."""
        found = self.read(body, kind, options)
        items = found if isinstance(found, list) else [found]
        if not items or len(items) > limits.items:
            raise InputError(
                400,
                "too_many_items",
                f"The request holds {len(items)} items; 1 to {limits.items} are taken.",
                "Split them over several requests.",
            )
        fills = [self._fill(item) for item in items]

        def describe(answers: Sequence[bytes]) -> Dict[str, Any]:
            told = [self.describe(unpacked(answer, self.outputs)) for answer in answers]
            return {"answers": told} if isinstance(found, list) else told[0]

        return Ask(fills, describe)

    def encoded(self, element: bytes, limits: Limits) -> Fill:
        """Where a subclass has an `element`: as a body of the first of its types."""
        return self.asked(element, self.types[0], {}, Limits(limits.pixels, 1)).fills[0]

    def column(self, name: str, items: Sequence[Tuple[Fill, bytes]]) -> Values:
        """The output of that name."""
        place = [spec.name for spec in self.outputs].index(name)
        return numpy.concatenate([unpacked(answer, self.outputs)[place].reshape(-1) for _, answer in items])

    def agrees(self, answer: bytes, other: Task, others: bytes) -> bool:
        """As `same` says, where the outputs are alike."""
        if not isinstance(other, OwnTask) or self.outputs != other.outputs:
            return False
        return self.same(unpacked(answer, self.outputs), unpacked(others, self.outputs))

    def example(self, units: int) -> Item:
        """Zeros: what every model of tensors can take."""
        return tuple(
            numpy.zeros((units, *spec.shape[1:]) if spec.varies else spec.shape, spec.dtype)
            for spec in self.inputs
        )

    def pack(self, outputs: Outputs) -> List[bytes]:
        """One output behind another."""
        return packed(outputs, self.outputs)

    def probes(self) -> List[Item]:
        """The first item of each probe's body."""
        found: List[Item] = []
        for probe in self._probes:
            try:
                fills = self.asked(
                    (self.directory / probe["file"]).read_bytes(), probe["content_type"], {}, Limits(1, 1)
                )
            except InputError as error:
                raise ModelError(
                    f"The probe {probe['file']} can't be read: {error.message}", error.remedy
                ) from error
            fill = fills.fills[0]
            assert isinstance(fill, Prepared)
            found.append(fill.values)
        return found

    def judge(self, answers: Sequence[bytes]) -> None:
        """Every probe is answered as expected."""
        for probe, answer in zip(self._probes, answers):
            told = self.describe(unpacked(answer, self.outputs))
            wrong = "; ".join(differences(probe["expect"], told, probe["within"]))
            if wrong:
                raise ModelError(
                    f"The model {self._model} answers {probe['file']} otherwise than expected: {wrong}.",
                    "Correct weights, code or `expect`: they do not belong together.",
                )

    def compare(self, form: str, exact: bool, wanted: Sequence[bytes], found: Sequence[bytes]) -> float:
        """Of any number of the outputs; whole numbers must be equal."""
        limit = self._tolerance["absolute" if exact else "largest"]
        largest = max(
            differing(unpacked(one, self.outputs), unpacked(other, self.outputs))
            for one, other in zip(wanted, found)
        )
        if not largest <= limit:
            raise ModelError(
                f"The form {form} of {self._model} differs from the eager model by {largest:.2g} on its "
                f"probes; at most {limit:g}.",
                "A network that decides by its input's values can't be traced: say forms = [\"eager\"] in "
                "model.toml. Raise the limit in [tolerance] only knowingly.",
            )
        return largest

    def record(self, answers: Sequence[bytes]) -> List[Dict[str, Any]]:
        """The bytes, in hexadecimal."""
        return [{"answer": answer.hex()} for answer in answers]

    def recorded(self, document: Sequence[Dict[str, Any]]) -> List[bytes]:
        """From hexadecimal."""
        return [bytes.fromhex(one["answer"]) for one in document]

    def _fill(self, item: Item) -> Fill:
        """An item, once it is what the inputs say. Raises InputError."""
        units = None
        if len(item) != len(self.inputs):
            raise _unfit(f"The item has {len(item)} tensors; the model takes {len(self.inputs)}.")
        for spec, array in zip(self.inputs, item):
            shape = array.shape
            if spec.varies and shape[:1] and 1 <= shape[0] <= spec.shape[0] and units in (None, shape[0]):
                units, shape = shape[0], (spec.shape[0], *shape[1:])
            if array.dtype != spec.dtype or shape != spec.shape:
                bound = " up to" if spec.varies else ""
                raise _unfit(
                    f"The input {spec.name!r} is {array.dtype} of shape {list(array.shape)}; the model takes "
                    f"{spec.dtype} of shape{bound} {list(spec.shape)}."
                )
            if array.dtype.kind == "f" and not numpy.isfinite(array).all():
                raise _unfit(f"The input {spec.name!r} holds what is no number, or infinite.")
        return Prepared(tuple(item), units or 1)

    def _from_json(self, body: bytes) -> Item:
        """{"inputs": {NAME: nested numbers}}"""
        document = json_text.read(body, self.remedy)
        given = document.get("inputs") if isinstance(document, dict) else None
        if not isinstance(given, dict):
            raise InputError(
                400, "invalid_json", "The body is no object with the key 'inputs' for another.", self.remedy
            )
        missing = [spec.name for spec in self.inputs if spec.name not in given]
        strange = sorted(set(given) - {spec.name for spec in self.inputs})
        if missing or strange:
            names = ", ".join(repr(spec.name) for spec in self.inputs)
            wrong = f"{missing[0]!r} is missing" if missing else f"{strange[0]!r} is unknown"
            raise _unfit(f"Of the inputs, {wrong}; they are: {names}.")
        return tuple(array_of(given[spec.name], spec) for spec in self.inputs)


def _unfit(message: str) -> InputError:
    return InputError(400, "invalid_input", message, "See the model's inputs at /v2/models/NAME.")
