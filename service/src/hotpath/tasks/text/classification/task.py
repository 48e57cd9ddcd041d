"""Text classification as a Task."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

from hotpath.core import ModelError, TensorSpec
from hotpath.models.built import BuiltModel
from hotpath.tasks.ranked import Ranked
from hotpath.tasks.ranking import unpack
from hotpath.tasks.task import Column, Fill
from hotpath.tasks.text.classification.answer import Labels
from hotpath.tasks.text.outline import shortened
from hotpath.tasks.text.task import TextTask


class TextClassification(Ranked, TextTask):
    """An answer is a ranking, as an image classifier's."""

    name = "text-classification"
    answer = Labels

    def __init__(self, model: BuiltModel) -> None:
        """Raises ModelError or KeyError."""
        document = model.document
        super().__init__(model, [probe["text"] for probe in document["probes"]])
        self._accept: List[Sequence[str]] = [probe["accept"] for probe in document["probes"]]
        self.labels: Sequence[str] = document["labels"]
        ranks = document["top_k"]
        self.outputs = (TensorSpec("scores", "float32", (ranks,)), TensorSpec("classes", "int64", (ranks,)))
        self.columns = {"scores": Column("FP32", (ranks,)), "labels": Column("BYTES", (ranks,))}

    def described(self, answer: bytes) -> Dict[str, Any]:
        """The best label, and the best few."""
        ranking = self.ranking(answer)
        return {**ranking[0], "labels": ranking}

    def column(self, name: str, items: Sequence[Tuple[Fill, bytes]]) -> List[Any]:
        """The best labels of each text, or their scores."""
        rankings = [unpack(answer) for _, answer in items]
        if name == "labels":
            return [self.labels[index] for ranking in rankings for index in ranking.classes]
        return [score for ranking in rankings for score in ranking.scores]

    def judge(self, answers: Sequence[bytes]) -> None:
        """Every text has one of its labels."""
        for text, accept, answer in zip(self._texts, self._accept, answers):
            if self.best(answer) not in accept:
                raise ModelError(
                    f"The model {self._model} takes {shortened(text)!r} for {self.best(answer)!r} "
                    f"({unpack(answer).scores[0]:.3f}); right would be: {', '.join(accept)}.",
                    "Weights, head, labels and tokenizer of model.toml do not belong together; correct them.",
                )


def task(model: BuiltModel) -> TextClassification:
    """Of a built model. Raises ModelError or KeyError."""
    return TextClassification(model)
