"""What /predict answers of a text's labels, for /docs."""

from __future__ import annotations

from typing import List

from pydantic import BaseModel, Field

from hotpath.tasks.text.answer import OfText, one_or_several


class RankedLabel(BaseModel):
    """One label of the ranking."""

    label: str
    score: float = Field(description="Its probability, 0 to 1.")


class Labelled(OfText):
    """The best labels of a text."""

    label: str = Field(description="The best one.")
    score: float = Field(description="Its probability, 0 to 1.")
    labels: List[RankedLabel] = Field(description="The best labels, best first.")


Labels = one_or_several("Labels", Labelled)
