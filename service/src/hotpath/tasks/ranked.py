"""What the tasks have in common whose answers rank labels."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

import numpy

from hotpath.core import ModelError
from hotpath.tasks.ranking import Ranking, pack, unpack
from hotpath.tasks.task import Outputs, Task


class Ranked(Task):
    """The network gives scores (items, ranks), best first, and the numbers of their labels, as many."""

    labels: Sequence[str]
    item_word, label_word = "item", "label"
    """What items and labels are called where something is wrong with them."""
    _model: str
    _tolerance: Mapping[str, float]

    def pack(self, outputs: Outputs) -> List[bytes]:
        """Rankings."""
        scores, classes = outputs
        whole = numpy.isfinite(scores).all(axis=1)
        if not whole.all():
            index = int(whole.argmin())
            raise ValueError(
                f"the scores of {self.item_word} {index} are {scores[index]}: the network has overflowed"
            )
        return pack(scores, classes)

    def agrees(self, answer: bytes, other: Task, others: bytes) -> bool:
        """The same best label; its number may be another's."""
        return isinstance(other, Ranked) and self.best(answer) == other.best(others)

    def says_the_same(self, said: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
        """The same best label of each item; scores and ranks below it may differ."""
        return _best_labels(said) == _best_labels(others)

    def compare(self, form: str, exact: bool, wanted: Sequence[bytes], found: Sequence[bytes]) -> float:
        """Of the scores of one label; the best one must be the same."""
        limit = self._tolerance["absolute" if exact else "largest"]
        pairs = [(unpack(left), unpack(right)) for left, right in zip(wanted, found)]
        difference = max(_difference(left, right) for left, right in pairs)
        same = all(left.classes[0] == right.classes[0] for left, right in pairs)
        if not same or not difference <= limit:  # which NaN is not either
            raise ModelError(
                f"The form {form} of {self._model} differs from the eager model by {difference:.2g} on its "
                f"probes ({'same' if same else 'other'} {self.label_word}); at most {limit:g}.",
                "Build with the versions of a tested set; raise the limit in [tolerance] only knowingly.",
            )
        return difference

    def record(self, answers: Sequence[bytes]) -> List[Dict[str, Any]]:
        """Numbers of labels, and scores."""
        rankings = map(unpack, answers)
        return [{"classes": list(one.classes), "scores": list(one.scores)} for one in rankings]

    def recorded(self, document: Sequence[Dict[str, Any]]) -> List[bytes]:
        """Numbers of labels, and scores, packed again."""
        return [pack(numpy.array([item["scores"]]), numpy.array([item["classes"]]))[0] for item in document]

    def best(self, answer: bytes) -> str:
        """The best label."""
        return self.labels[unpack(answer).classes[0]]

    def ranking(self, answer: bytes) -> List[Dict[str, Any]]:
        """The best labels with their scores, best first."""
        found = unpack(answer)
        return [
            {"label": self.labels[index], "score": round(score, 6)}
            for index, score in zip(found.classes, found.scores)
        ]


def _best_labels(said: Mapping[str, Any]) -> List[Any]:
    """Of one item, or of several."""
    return [one.get("label") for one in said.get("items", [said])]


def _difference(wanted: Ranking, found: Ranking) -> float:
    """Of the best labels that both name; the last ranks may trade places with labels outside."""
    scores = dict(zip(found.classes, found.scores))
    lowest = min(found.scores)
    return max(
        abs(score - scores.get(number, min(score, lowest)))
        for number, score in zip(wanted.classes, wanted.scores)
    )
