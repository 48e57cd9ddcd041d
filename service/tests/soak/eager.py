"""What the eager model answers, computed beforehand; and whether the service says the same."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence

import numpy

from hotpath.core import EngineSpec, ModelError
from hotpath.engine.factory import create
from hotpath.models.built import BuiltModel
from hotpath.tasks import known
from hotpath.tasks.task import Ask, Fill, Limits, Parts
from hotpath.tasks.tensors.agreement import packed

LIMITS = Limits(pixels=50_000_000, items=100)


class Eager:
    """A model as its own code computes it, one item at a time."""

    def __init__(self, model: BuiltModel) -> None:
        form = "eager" if "eager" in model.artifacts else "numeric"
        self.model, self.name = model, model.identity.name
        self.task: Any = known.task(model)
        self._engine = create(form)
        self._engine.load(model, EngineSpec(0, self.name, model.directory, "cpu", form, 1, 1, ()))

    def answer(self, fill: Fill) -> bytes:
        """To one item, which is written as it is in a worker."""
        slot = tuple(numpy.zeros(spec.shape, spec.dtype) for spec in self.task.inputs)
        units = fill.write(slot)
        item = tuple(array[:units] if spec.varies else array for spec, array in zip(self.task.inputs, slot))
        (found,) = self.task.pack(self._engine.finish(self._engine.launch([item])))
        answer: bytes = found
        return answer

    def described(self, ask: Ask) -> Dict[str, Any]:
        """The answer to a request."""
        return ask.describe([self.answer(fill) for fill in ask.fills])

    def followed(self, ask: Ask, second: Eager) -> Dict[str, Any]:
        """The answer to a request that asks another model about what is found."""
        assert isinstance(ask.parts, Parts)
        answers = [self.answer(fill) for fill in ask.fills]
        asked = [second.task.part(part) for part in ask.parts.find(answers)]
        return ask.parts.describe(answers, [second.described(one) for one in asked])

    def columns(self, fills: Sequence[Fill]) -> List[Dict[str, Any]]:
        """The answer to a request of the Open Inference Protocol, as `items` tells it."""
        answered = [(fill, self.answer(fill)) for fill in fills]
        return self.items(
            {
                name: numpy.array(self.task.column(name, answered)).reshape(len(fills), *column.shape)
                for name, column in self.task.columns.items()
                if column.datatype != "BYTES"
            }
        )

    def items(self, columns: Mapping[str, Any]) -> List[Dict[str, Any]]:
        """What numbers of the Open Inference Protocol, by name and with the items' axis, say of each item.

        As far as it is compared, in the form that `/predict` answers in.
        """
        return [_ITEMS[self.task.name](self.task, row) for row in _rows(columns)]

    def differs(self, expected: Sequence[Any], found: Sequence[Any]) -> str:
        """How far the items of an answer are from those expected; empty where the task minds nothing."""
        if len(found) != len(expected):
            return f"{len(found)} answers, not {len(expected)}"
        wanted, given = (self.task.recorded(self._compared(items)) for items in (expected, found))
        try:
            self.task.compare("that is served", True, wanted, given)
        except ModelError as error:
            return error.message
        return ""

    def _compared(self, items: Sequence[Any]) -> List[Dict[str, Any]]:
        return [_RECORDS[self.task.name](self.task, item) for item in items]


def _rows(columns: Mapping[str, Any]) -> List[Dict[str, Any]]:
    names, values = list(columns), zip(*columns.values())
    return [dict(zip(names, row)) for row in values]


def _ranking(task: Any, item: Mapping[str, Any]) -> Dict[str, Any]:
    ranks = item["top_k"]
    return {"classes": [one["class"] for one in ranks], "scores": [one["score"] for one in ranks]}


def _embedding(task: Any, item: Mapping[str, Any]) -> Dict[str, Any]:
    return {"embedding": item["embedding"]}


def _objects(task: Any, item: Mapping[str, Any]) -> Dict[str, Any]:
    """Boxes are in pixels of the picture that was sent: of both that are compared."""
    found = item["objects"]
    return {
        "boxes": [[one["box"][side] for side in ("xmin", "ymin", "xmax", "ymax")] for one in found],
        "scores": [one["score"] for one in found],
        "classes": [task.labels.index(one["label"]) for one in found],
    }


def _tensors(task: Any, item: Mapping[str, Any]) -> Dict[str, Any]:
    arrays = [numpy.array([item["outputs"][spec.name]], spec.dtype) for spec in task.outputs]
    return {"answer": packed(tuple(arrays), task.outputs)[0].hex()}


_RECORDS: Dict[str, Callable[[Any, Mapping[str, Any]], Dict[str, Any]]] = {
    "image-classification": _ranking,
    "text-embedding": _embedding,
    "object-detection": _objects,
    "tensors": _tensors,
}
"""By task: from an item of a JSON answer to what `recorded` reads."""


def _objects_of(task: Any, row: Mapping[str, Any]) -> Dict[str, Any]:
    sides = ("xmin", "ymin", "xmax", "ymax")
    count = int(row["count"][0])
    found = zip(row["boxes"][:count], row["scores"], row["classes"])
    objects = [
        {"box": dict(zip(sides, map(float, box))), "score": float(score), "label": task.labels[number]}
        for box, score, number in found
    ]
    return {"objects": objects}


_ITEMS: Dict[str, Callable[[Any, Mapping[str, Any]], Dict[str, Any]]] = {
    "image-classification": lambda task, row: {
        "top_k": [
            {"class": int(number), "score": float(score)}
            for number, score in zip(row["classes"], row["scores"])
        ]
    },
    "text-embedding": lambda task, row: {"embedding": row["embedding"].tolist()},
    "object-detection": _objects_of,
    "tensors": lambda task, row: {"outputs": {name: values.tolist() for name, values in row.items()}},
}
"""By task: from an item's row of numbers to an item of a JSON answer."""
