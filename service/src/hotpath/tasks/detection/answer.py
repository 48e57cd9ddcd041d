"""What /predict answers of the objects in a picture, for /docs."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from pydantic import BaseModel, Field


class Box(BaseModel):
    """In pixels of the picture as it was sent, turned as EXIF says, from its upper left corner."""

    xmin: float
    ymin: float
    xmax: float
    ymax: float


class FoundObject(BaseModel):
    """One object."""

    label: str
    score: float = Field(description="How sure the model is, 0 to 1.")
    box: Box
    then: Optional[Dict[str, Any]] = Field(
        None, description="What another model says of that part of the picture, where `then` named one."
    )


class PictureSize(BaseModel):
    """In pixels, turned as EXIF says."""

    width: int
    height: int


class Objects(BaseModel):
    """What is in a picture."""

    objects: List[FoundObject] = Field(description="The surest first.")
    count: int
    image: PictureSize
