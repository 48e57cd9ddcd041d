"""Image classification as a Task."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy

from hotpath.codec import ImageError, ImageLimits, ImageSpec, decode_into
from hotpath.core import ModelError, TensorSpec
from hotpath.models.built import BuiltModel
from hotpath.tasks import pictures
from hotpath.tasks.classification.answer import Classes
from hotpath.tasks.classification.ranking import Ranking, pack, unpack
from hotpath.tasks.task import Ask, Column, Fill, Item, Limits, Outputs, Part, Pixels, Task


class ImageClassification(Task):
    """Slots hold an image's pixels, uint8 (height, width, 3); the network ranks its classes itself."""

    name = "image-classification"
    lengths = (1,)
    content = pictures.CONTENT
    answer = Classes
    element = pictures.ELEMENT
    takes_tensors = True

    def __init__(
        self,
        model: str,
        labels: Sequence[str],
        top_k: int,
        spec: ImageSpec,
        directory: Path,
        probes: Sequence[Tuple[str, Sequence[str]]],
        tolerance: Mapping[str, float],
    ) -> None:
        """`probes`: photographs in the directory, with the labels that a right model may give each."""
        self._model = model
        self.labels = labels
        self._spec = spec
        self._directory = directory
        self._probes = probes
        self._tolerance = tolerance
        self.inputs = (TensorSpec("image", "uint8", spec.shape),)
        self.outputs = (TensorSpec("scores", "float32", (top_k,)), TensorSpec("classes", "int64", (top_k,)))
        self.columns = {
            "classes": Column("INT64", (top_k,)),
            "scores": Column("FP32", (top_k,)),
            "labels": Column("BYTES", (top_k,)),
        }

    def example(self, units: int) -> Item:
        """Noise."""
        return (numpy.random.default_rng(0).integers(0, 256, self.inputs[0].shape, dtype=numpy.uint8),)

    def pack(self, outputs: Outputs) -> List[bytes]:
        """Rankings."""
        scores, classes = outputs
        whole = numpy.isfinite(scores).all(axis=1)
        if not whole.all():
            index = int(whole.argmin())
            raise ValueError(f"the scores of image {index} are {scores[index]}: the network has overflowed")
        return pack(scores, classes)

    def asked(self, body: bytes, kind: str, options: Mapping[str, str], limits: Limits) -> Ask:
        """One picture."""
        return Ask([self.encoded(body, limits)], lambda answers: self.described(answers[0]))

    def encoded(self, element: bytes, limits: Limits) -> Fill:
        """Decodes, shrinks and crops."""
        return pictures.encoded(element, self._spec, limits)

    def part(self, part: Part) -> Ask:
        """As if it were the whole picture."""
        fill = pictures.of_part(part, self._spec)
        return Ask([fill], lambda answers: self.described(answers[0]))

    def described(self, answer: bytes) -> Dict[str, Any]:
        """The best class, and the best few."""
        ranking = unpack(answer)
        top = [
            {"class": index, "label": self.labels[index], "score": round(score, 6)}
            for index, score in zip(ranking.classes, ranking.scores)
        ]
        return {
            "pred_class": top[0]["class"],
            "label": top[0]["label"],
            "score": top[0]["score"],
            "top_k": top,
        }

    def column(self, name: str, items: Sequence[Tuple[Fill, bytes]]) -> List[Any]:
        """Numbers of the classes, their scores or their labels."""
        rankings = [unpack(answer) for _, answer in items]
        if name == "labels":
            return [self.labels[index] for ranking in rankings for index in ranking.classes]
        return [value for ranking in rankings for value in getattr(ranking, name)]

    def agrees(self, answer: bytes, other: Task, others: bytes) -> bool:
        """The same best label; its number may be another's."""
        return isinstance(other, ImageClassification) and self._best(answer) == other._best(others)

    def probes(self) -> List[Item]:
        """The photographs, decoded."""
        found: List[Item] = []
        for file, _ in self._probes:
            path = self._directory / file
            try:
                found.append((decode_probe(path.read_bytes(), self._spec, file),))
            except OSError as error:
                raise ModelError(
                    f"The probe {path} can't be read: {error.strerror}.",
                    "Copy or build this model version again.",
                ) from error
        return found

    def judge(self, answers: Sequence[bytes]) -> None:
        """Every photograph has one of its labels."""
        for (file, accept), answer in zip(self._probes, answers):
            if self._best(answer) not in accept:
                raise ModelError(
                    f"The model {self._model} takes {file} for {self._best(answer)!r} "
                    f"({unpack(answer).scores[0]:.3f}); right would be: {', '.join(accept)}.",
                    "Weights, labels and preprocessing of model.toml do not belong together; correct them.",
                )

    def compare(self, form: str, exact: bool, wanted: Sequence[bytes], found: Sequence[bytes]) -> float:
        """Of the scores of one class; the best one must be the same."""
        limit = self._tolerance["absolute" if exact else "largest"]
        pairs = [(unpack(left), unpack(right)) for left, right in zip(wanted, found)]
        difference = max(_difference(left, right) for left, right in pairs)
        same = all(left.classes[0] == right.classes[0] for left, right in pairs)
        if not same or not difference <= limit:  # which NaN is not either
            raise ModelError(
                f"The form {form} of {self._model} differs from the eager model by {difference:.2g} on its "
                f"probes ({'same' if same else 'other'} class); at most {limit:g}.",
                "Build with the versions of a tested set; raise the limit in [tolerance] only knowingly.",
            )
        return difference

    def record(self, answers: Sequence[bytes]) -> List[Dict[str, Any]]:
        """Classes and scores."""
        rankings = map(unpack, answers)
        return [{"classes": list(one.classes), "scores": list(one.scores)} for one in rankings]

    def recorded(self, document: Sequence[Dict[str, Any]]) -> List[bytes]:
        """Classes and scores, packed again."""
        return [pack(numpy.array([item["scores"]]), numpy.array([item["classes"]]))[0] for item in document]

    def _best(self, answer: bytes) -> str:
        return self.labels[unpack(answer).classes[0]]


def task(model: BuiltModel) -> ImageClassification:
    """Of a built model. Raises what its description makes it raise."""
    document = model.document
    return ImageClassification(
        model.identity.name,
        model.read(document["labels"]).decode("utf-8").splitlines(),
        document["top_k"],
        ImageSpec.from_dict(document["preprocessing"]),
        model.directory,
        [(probe["file"], probe["accept"]) for probe in document["probes"]],
        document["tolerance"],
    )


def decode_probe(body: bytes, spec: ImageSpec, name: str) -> Pixels:
    """A probe as a model with these preprocessing steps sees it. Raises ModelError."""
    pixels = numpy.zeros(spec.shape, dtype=numpy.uint8)
    try:
        decode_into(body, spec, ImageLimits(), pixels)
    except ImageError as error:
        raise ModelError(f"The probe {name} can't be decoded: {error.message}.", error.remedy) from error
    return pixels


def _difference(wanted: Ranking, found: Ranking) -> float:
    """Of the best classes that both name; the last ranks may trade places with classes outside."""
    scores = dict(zip(found.classes, found.scores))
    lowest = min(found.scores)
    return max(
        abs(score - scores.get(number, min(score, lowest)))
        for number, score in zip(wanted.classes, wanted.scores)
    )
