"""What /predict answers of a picture's classes, for /docs."""

from __future__ import annotations

from typing import List

from pydantic import BaseModel, ConfigDict, Field


class RankedClass(BaseModel):
    """One class of the ranking."""

    model_config = ConfigDict(populate_by_name=True)
    index: int = Field(alias="class", description="Number of the class.")
    label: str = Field(description="Its name.")
    score: float = Field(description="Its probability, 0 to 1.")


class Classes(BaseModel):
    """The best classes of a picture."""

    pred_class: int = Field(description="Number of the best class.")
    label: str
    score: float
    top_k: List[RankedClass] = Field(description="The best classes, best first.")
