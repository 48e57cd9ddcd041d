"""How text classifiers are built."""

from __future__ import annotations

from typing import Any, Dict

from hotpath.tasks.ranking import unpack
from hotpath.tasks.text.classification.source import TextClassifierSource
from hotpath.tasks.text.recipe import TextRecipe

_DECIDED = 0.1
"""The eager model has decided about a text when its best label leads the second by so much probability."""


class TextClassifierRecipe(TextRecipe[TextClassifierSource]):
    """An encoder and a head."""

    source = TextClassifierSource

    def describe_more(self, source: TextClassifierSource) -> Dict[str, Any]:
        """The head, labels, ranks and probes."""
        return {
            "head": source.head.file,
            "labels": source.labels,
            "top_k": min(source.top_k, len(source.labels)),
            "probes": [probe.model_dump() for probe in source.probes],
        }

    def is_decided(self, answer: bytes) -> bool:
        """Not of halves of sentences that say nothing yet."""
        scores = unpack(answer).scores
        return len(scores) < 2 or scores[0] - scores[1] >= _DECIDED


RECIPE = TextClassifierRecipe()
