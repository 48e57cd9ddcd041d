"""A model of sentence embeddings as far as it is known without numpy."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Dict, List, Sequence, Tuple

from hotpath.models.built import BuiltModel
from hotpath.tasks.outline import Probe
from hotpath.tasks.text.outline import TextOutline, asking, shortened


class EmbeddingOutline(TextOutline):
    """Of a built model."""

    def __init__(self, model: BuiltModel) -> None:
        super().__init__(model)
        self._texts = [str(probe["text"]) for probe in model.document["probes"]]
        self._nearest = [self._texts.index(probe["nearest"]) for probe in model.document["probes"]]

    def probes(self) -> List[Probe]:
        """All texts in one request, for what is right is which of them are near to each other."""
        read = partial(_read, self._texts, self._nearest)
        return [Probe(f"{len(self._texts)} texts", "application/json", asking(self._texts), read)]


def outline(model: BuiltModel) -> EmbeddingOutline:
    """Of a built model. Raises ModelError."""
    return EmbeddingOutline(model)


def strangest(vectors: Sequence[Sequence[float]], nearest: Sequence[int]) -> Tuple[float, int, int]:
    """Of vectors of length one, and the places of those that should be nearest to each.

    The smallest lead of a right neighbour before all others, as a difference of cosines, below zero where
    one is not the nearest; whose it is, and the best of the others.
    """
    worst = (math.inf, 0, 0)
    for place, (vector, right) in enumerate(zip(vectors, nearest)):
        cosines = [math.fsum(a * b for a, b in zip(vector, other)) for other in vectors]
        wrong = max((cosine, other) for other, cosine in enumerate(cosines) if other not in (place, right))
        worst = min(worst, (cosines[right] - wrong[0], place, wrong[1]))
    return worst


def _read(texts: Sequence[str], nearest: Sequence[int], answer: Dict[str, Any]) -> Tuple[str, str]:
    vectors = [item["embedding"] for item in answer["items"]]
    lead, place, other = strangest(vectors, nearest)
    if lead > 0:  # which NaN is not
        return f"each nearest to its own, by {lead:.3f}", ""
    wrong = (
        f"{shortened(texts[place])!r} is nearer to {shortened(texts[other])!r} than to "
        f"{shortened(texts[nearest[place]])!r}"
    )
    return wrong, wrong
