"""Image classification as a Task."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy

from hotpath.codec import ImageSpec
from hotpath.core import ModelError, TensorSpec
from hotpath.models.built import BuiltModel
from hotpath.tasks import pictures
from hotpath.tasks.classification.answer import Classes
from hotpath.tasks.ranked import Ranked
from hotpath.tasks.ranking import unpack
from hotpath.tasks.task import Ask, Column, Fill, Item, Limits, Parcel, Part, Portable


class ImageClassification(Ranked):
    """Slots hold an image's pixels, uint8 (height, width, 3); the network ranks its classes itself."""

    name = "image-classification"
    lengths = (1,)
    content = pictures.CONTENT
    answer = Classes
    element = pictures.ELEMENT
    takes_tensors = True
    item_word, label_word = "image", "class"

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

    def asked(self, body: bytes, kind: str, options: Mapping[str, str], limits: Limits) -> Ask:
        """One picture."""
        return Ask([self.encoded(body, limits)], lambda answers: self.described(answers[0]))

    def encoded(self, element: bytes, limits: Limits) -> Fill:
        """Decodes, shrinks and crops."""
        return pictures.encoded(element, self._spec, limits)

    def unpacked(self, parcel: Parcel) -> Portable:
        """The same, of what another worker was sent."""
        return pictures.unpacked(parcel, self._spec)

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

    def probes(self) -> List[Item]:
        """The photographs, decoded."""
        found: List[Item] = []
        for file, _ in self._probes:
            path = self._directory / file
            try:
                found.append((pictures.decode_probe(path.read_bytes(), self._spec, file)[0],))
            except OSError as error:
                raise ModelError(
                    f"The probe {path} can't be read: {error.strerror}.",
                    "Copy or build this model version again.",
                ) from error
        return found

    def judge(self, answers: Sequence[bytes]) -> None:
        """Every photograph has one of its labels."""
        for (file, accept), answer in zip(self._probes, answers):
            if self.best(answer) not in accept:
                raise ModelError(
                    f"The model {self._model} takes {file} for {self.best(answer)!r} "
                    f"({unpack(answer).scores[0]:.3f}); right would be: {', '.join(accept)}.",
                    "Weights, labels and preprocessing of model.toml do not belong together; correct them.",
                )


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
