"""What /predict answers of a text's meaning, for /docs."""

from __future__ import annotations

from typing import List

from pydantic import Field

from hotpath.tasks.text.answer import OfText, one_or_several


class Embedding(OfText):
    """A text's meaning."""

    embedding: List[float] = Field(description="A vector of length one.")


Embeddings = one_or_several("Embeddings", Embedding)
