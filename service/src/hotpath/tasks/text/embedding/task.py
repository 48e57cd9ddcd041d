"""Sentence embeddings as a Task."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

import numpy

from hotpath.core import ModelError, TensorSpec
from hotpath.models.built import BuiltModel
from hotpath.tasks.task import Array, Column, Fill, Outputs, Task
from hotpath.tasks.text.embedding.answer import Embeddings
from hotpath.tasks.text.embedding.interfaces import interfaces
from hotpath.tasks.text.embedding.outline import strangest
from hotpath.tasks.text.outline import shortened
from hotpath.tasks.text.task import TextTask

_DIGITS = 8
"""Of a number in JSON: as many as float32 has of numbers below one."""


class TextEmbedding(TextTask):
    """An answer is the embedding itself: float32 (width,), of length one."""

    name = "text-embedding"
    answer = Embeddings

    def __init__(self, model: BuiltModel) -> None:
        """Raises ModelError or KeyError."""
        probes = model.document["probes"]
        super().__init__(model, [probe["text"] for probe in probes])
        self._nearest = [self._texts.index(probe["nearest"]) for probe in probes]
        width = model.document["encoder"]["width"]
        self.outputs = (TensorSpec("embedding", "float32", (width,)),)
        self.columns = {"embedding": Column("FP32", (width,))}
        self.interfaces = interfaces(self._model, self._tokens, width, unpack)

    def pack(self, outputs: Outputs) -> List[bytes]:
        """The embeddings."""
        (embeddings,) = outputs
        whole = numpy.isfinite(embeddings).all(axis=1)
        if not whole.all():
            raise ValueError(
                f"the embedding of text {int(whole.argmin())} is no number: the network has overflowed"
            )
        return [row.tobytes() for row in embeddings.astype("<f4")]

    def described(self, answer: bytes) -> Dict[str, Any]:
        """The embedding."""
        return {"embedding": unpack(answer).astype(numpy.float64).round(_DIGITS).tolist()}

    def column(self, name: str, items: Sequence[Tuple[Fill, bytes]]) -> List[Any]:
        """The embeddings, one behind another."""
        values: List[Any] = unpack(b"".join(answer for _, answer in items)).tolist()
        return values

    def agrees(self, answer: bytes, other: Task, others: bytes) -> bool:
        """Nearly the same direction."""
        return (
            isinstance(other, TextEmbedding)
            and len(answer) == len(others)
            and lowest_cosine([answer], [others]) >= self._tolerance["same"]
        )

    def judge(self, answers: Sequence[bytes]) -> None:
        """Every text is nearest to the one that it should be."""
        lead, place, other = strangest([unpack(answer).tolist() for answer in answers], self._nearest)
        if not lead > 0:  # which NaN is not either
            wanted = self._texts[self._nearest[place]]
            raise ModelError(
                f"The model {self._model} finds {shortened(self._texts[place])!r} nearer to "
                f"{shortened(self._texts[other])!r} than to {shortened(wanted)!r}.",
                "Weights, tokenizer and pooling of model.toml do not belong together; correct them.",
            )

    def compare(self, form: str, exact: bool, wanted: Sequence[bytes], found: Sequence[bytes]) -> float:
        """One minus the lowest cosine."""
        limit = self._tolerance["cosine" if exact else "reduced"]
        cosine = lowest_cosine(wanted, found)
        if not cosine >= limit:  # which NaN is not either
            raise ModelError(
                f"The form {form} of {self._model} has a cosine of {cosine:.6f} with the eager model on "
                f"one of its probes; at least {limit:g}.",
                "Build with the versions of a tested set; lower the limit in [tolerance] only knowingly.",
            )
        return max(0.0, 1 - cosine)

    def record(self, answers: Sequence[bytes]) -> List[Dict[str, Any]]:
        """The embeddings."""
        return [{"embedding": unpack(answer).tolist()} for answer in answers]

    def recorded(self, document: Sequence[Dict[str, Any]]) -> List[bytes]:
        """The embeddings."""
        return [numpy.array(item["embedding"], "<f4").tobytes() for item in document]


def task(model: BuiltModel) -> TextEmbedding:
    """Of a built model. Raises ModelError or KeyError."""
    return TextEmbedding(model)


def unpack(answer: bytes) -> Array:
    """The embedding of an answer, or of several: float32 (width,)."""
    return numpy.frombuffer(answer, "<f4")


def lowest_cosine(wanted: Sequence[bytes], found: Sequence[bytes]) -> float:
    """Of the embeddings of one text."""
    left, right = (
        numpy.stack([unpack(one) for one in many]).astype(numpy.float64) for many in (wanted, found)
    )
    norms = numpy.linalg.norm(left, axis=1) * numpy.linalg.norm(right, axis=1)
    return float(((left * right).sum(axis=1) / norms).min())
