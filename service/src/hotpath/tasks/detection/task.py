"""Object detection as a Task."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy

from hotpath.codec import DecodedImage, ImageSpec, Placement
from hotpath.core import ModelError, TensorSpec
from hotpath.models.built import BuiltModel
from hotpath.tasks import pictures
from hotpath.tasks.detection import choice
from hotpath.tasks.detection.agreement import CLEAR, compare, refusal
from hotpath.tasks.detection.answer import Objects
from hotpath.tasks.detection.candidates import Candidates, pack, unpack
from hotpath.tasks.detection.choice import Choice
from hotpath.tasks.detection.selection import select
from hotpath.tasks.detection.wanted import verdict
from hotpath.tasks.task import (
    Ask,
    Column,
    Fill,
    Item,
    Limits,
    Outputs,
    Parcel,
    Part,
    Parts,
    Pixels,
    Portable,
    Task,
    Values,
)

_OF_THE_MODEL = ("channel_order", "mean", "std")
"""Inside the network, so they don't matter for how a picture becomes a slot."""


class ObjectDetection(Task):
    """Slots hold a picture's pixels, uint8 (height, width, 3).

    The network gives the best candidates; which of them are objects is decided here, for each request by its
    own thresholds, and in pixels of the picture that it sent.
    """

    name = "object-detection"
    lengths = (1,)
    content = pictures.CONTENT
    answer = Objects
    element = pictures.ELEMENT
    takes_tensors = True

    def __init__(self, model: BuiltModel) -> None:
        """Raises ModelError or KeyError."""
        document = model.document
        finding = document["finding"]
        self._model = model
        self.labels = model.read(document["labels"]).decode("utf-8").splitlines()
        self._spec = spec_of(document["preprocessing"])
        self._usual = Choice(finding["threshold"], finding["iou"])
        self._most = most = finding["candidates"]
        self.inputs = (TensorSpec("image", "uint8", self._spec.shape),)
        self.outputs = (
            TensorSpec("boxes", "float32", (most, 4)),
            TensorSpec("scores", "float32", (most,)),
            TensorSpec("classes", "int64", (most,)),
        )
        self.columns = {
            "boxes": Column("FP32", (most, 4)),
            "scores": Column("FP32", (most,)),
            "classes": Column("INT64", (most,)),
            "labels": Column("BYTES", (most,)),
            "count": Column("INT64", (1,)),
        }

    def example(self, units: int) -> Item:
        """Noise."""
        return (numpy.random.default_rng(0).integers(0, 256, self.inputs[0].shape, dtype=numpy.uint8),)

    def pack(self, outputs: Outputs) -> List[bytes]:
        """The candidates."""
        boxes, scores, _ = outputs
        whole = numpy.isfinite(scores).all(axis=1) & numpy.isfinite(boxes).all(axis=(1, 2))
        if not whole.all():
            index = int(whole.argmin())
            raise ValueError(f"boxes or scores of image {index} are no numbers: the network has overflowed")
        return pack([Candidates(*one) for one in zip(*outputs)])

    def asked(self, body: bytes, kind: str, options: Mapping[str, str], limits: Limits) -> Ask:
        """One picture, and `threshold`, `iou` and `classes`, where the usual ones won't do."""
        chosen = choice.read(options, self._usual, self.labels)
        return self._ask(self.encoded(body, limits), chosen)

    def part(self, part: Part) -> Ask:
        """As if it were the whole picture; boxes are in pixels of that, though."""
        return self._ask(pictures.of_part(part, self._spec), self._usual)

    def _ask(self, fill: Fill, chosen: Choice) -> Ask:
        def find(answers: Sequence[bytes]) -> List[Part]:
            boxes = self._objects(answers[0], self._placement(fill), chosen).boxes.tolist()
            return [Part(fill, (box[0], box[1], box[2], box[3])) for box in boxes]

        def describe(answers: Sequence[bytes], said: Sequence[Dict[str, Any]] = ()) -> Dict[str, Any]:
            told = self.described(answers[0], self._placement(fill), chosen)
            for found, then in zip(told["objects"], said):
                found["then"] = then
            return told

        return Ask([fill], describe, Parts(find, describe))

    def encoded(self, element: bytes, limits: Limits) -> Fill:
        """Decodes, shrinks and fits."""
        return pictures.encoded(element, self._spec, limits)

    def unpacked(self, parcel: Parcel) -> Portable:
        """The same, of what another worker was sent."""
        return pictures.unpacked(parcel, self._spec)

    def described(self, answer: bytes, placement: Placement, chosen: Choice) -> Dict[str, Any]:
        """The objects in a picture that lies in the model's as `placement` says, the surest first."""
        found = self._objects(answer, placement, chosen)
        objects = [
            {
                "label": self.labels[index],
                "score": round(float(score), 6),
                "box": dict(zip(("xmin", "ymin", "xmax", "ymax"), (round(float(side), 2) for side in box))),
            }
            for box, score, index in zip(*found)
        ]
        size = {"width": placement.width, "height": placement.height}
        return {"objects": objects, "count": len(objects), "image": size}

    def column(self, name: str, items: Sequence[Tuple[Fill, bytes]]) -> Values:
        """The objects by the usual thresholds, `count` of them; behind these zeros, classes -1 and no labels.

        Boxes are left, top, right and bottom in pixels of the picture as it was sent, or of the tensor.
        """
        found = [self._objects(answer, self._placement(fill), self._usual) for fill, answer in items]
        if name == "count":
            return [len(one.scores) for one in found]
        if name == "labels":
            return [
                self.labels[one.classes[place]] if place < len(one.classes) else ""
                for one in found
                for place in range(self._most)
            ]
        filled = numpy.full(
            (len(found), *self.columns[name].shape),
            -1 if name == "classes" else 0,
            numpy.int64 if name == "classes" else numpy.float32,
        )
        for row, one in zip(filled, found):
            values = getattr(one, name)
            row[: len(values)] = values
        return filled.reshape(-1)

    def agrees(self, answer: bytes, other: Task, others: bytes) -> bool:
        """The same clear objects, by label and place in the picture."""
        if not isinstance(other, ObjectDetection):
            return False
        numbers = {label: number for number, label in enumerate(self.labels)}
        theirs = other._in_parts(others)
        renamed = numpy.array([numbers.get(other.labels[index], -1) for index in theirs.classes], numpy.int64)
        found = compare(
            [self._in_parts(answer)],
            [theirs._replace(classes=renamed)],
            self._usual.threshold,
            self._usual.iou,
        )
        return found.matched == found.objects

    def probes(self) -> List[Item]:
        """The photographs, decoded."""
        return [(pixels,) for pixels, _ in self._photographs()]

    def judge(self, answers: Sequence[bytes]) -> None:
        """On every photograph what is to be found on it."""
        for probe, (_, seen), answer in zip(self._model.document["probes"], self._photographs(), answers):
            _, wrong = verdict(self.described(answer, seen.placement, self._usual), probe["find"])
            if wrong:
                raise ModelError(
                    f"On {probe['file']} the model {self._model.identity.name} {wrong}.",
                    "Weights, labels and preprocessing of model.toml do not belong together; correct them.",
                )

    def compare(self, form: str, exact: bool, wanted: Sequence[bytes], found: Sequence[bytes]) -> float:
        """Of the scores of one object; the clear ones must be found by both, in boxes that overlap."""
        agreement = compare(
            [unpack(answer) for answer in wanted],
            [unpack(answer) for answer in found],
            self._usual.threshold,
            self._usual.iou,
        )
        problem = refusal(agreement, self._model.document["tolerance"], exact)
        if problem:
            raise ModelError(
                f"The form {form} of {self._model.identity.name} does not agree with the eager model on its "
                f"probes: {problem}.",
                "Build with the versions of a tested set; raise the limit in [tolerance] only knowingly.",
            )
        return agreement.largest_difference

    def record(self, answers: Sequence[bytes]) -> List[Dict[str, Any]]:
        """The candidates that comparisons look at."""
        least = self._usual.threshold - CLEAR
        return [
            {name: values.tolist() for name, values in one.at(one.scores >= least)._asdict().items()}
            for one in map(unpack, answers)
        ]

    def recorded(self, document: Sequence[Dict[str, Any]]) -> List[bytes]:
        """These candidates, packed again."""
        return pack(
            [
                Candidates(
                    numpy.array(item["boxes"], numpy.float32).reshape(-1, 4),
                    numpy.array(item["scores"], numpy.float32),
                    numpy.array(item["classes"], numpy.int64),
                )
                for item in document
            ]
        )

    def _objects(self, answer: bytes, placement: Placement, chosen: Choice) -> Candidates:
        found = unpack(answer)
        boxes = placement.in_picture(found.boxes)
        return select(found._replace(boxes=boxes), chosen.threshold, chosen.iou, chosen.classes)

    def _in_parts(self, answer: bytes) -> Candidates:
        """The candidates of an answer, their boxes in parts of the input's sides."""
        found = unpack(answer)
        return found._replace(boxes=found.boxes / numpy.array([self._spec.width, self._spec.height] * 2))

    def _placement(self, fill: Fill) -> Placement:
        """Of a picture that has been decoded; of a tensor, which is the model's picture itself."""
        if isinstance(fill, pictures.EncodedPicture) and fill.placement is not None:
            return fill.placement
        return Placement(self._spec.width, self._spec.height, 1.0, 1.0, 0.0, 0.0)

    def _photographs(self) -> List[Tuple[Pixels, DecodedImage]]:
        """The probes. Raises ModelError."""
        return [
            pictures.decode_probe(self._model.read(probe["file"]), self._spec, probe["file"])
            for probe in self._model.document["probes"]
        ]


def task(model: BuiltModel) -> ObjectDetection:
    """Of a built model. Raises what its description makes it raise."""
    return ObjectDetection(model)


def spec_of(preprocessing: Mapping[str, Any]) -> ImageSpec:
    """How a picture becomes a slot."""
    return ImageSpec.from_dict(
        {key: value for key, value in preprocessing.items() if key not in _OF_THE_MODEL}
    )
