"""How models of sentence embeddings are built."""

from __future__ import annotations

from typing import Any, Dict

from hotpath.tasks.text.embedding.source import EmbeddingSource
from hotpath.tasks.text.recipe import TextRecipe


class EmbeddingRecipe(TextRecipe[EmbeddingSource]):
    """The encoder is the whole network."""

    source = EmbeddingSource

    def describe_more(self, source: EmbeddingSource) -> Dict[str, Any]:
        """The probes."""
        return {"probes": [probe.model_dump() for probe in source.probes]}


RECIPE = EmbeddingRecipe()
