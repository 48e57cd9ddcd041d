"""What /predict answers where a request may hold one text or a list of them, for /docs."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Type

from pydantic import BaseModel, Field, create_model


class OfText(BaseModel):
    """What every answer about a text says."""

    tokens: int = Field(description="Of the text, as far as the model saw it.")
    truncated: bool = Field(
        description="Whether the text was longer than the model takes, and its end left out."
    )


def one_or_several(name: str, one: Type[OfText]) -> Type[BaseModel]:
    """A type that is `one`, or holds it in `items` for each text of a list."""
    fields: Dict[str, Any] = {
        key: (Optional[field.annotation], Field(None, description=field.description))
        for key, field in one.model_fields.items()
    }
    fields["items"] = (Optional[List[one]], Field(None, description="In the order of the texts."))  # type: ignore[valid-type]
    found: Type[BaseModel] = create_model(
        name, __doc__="Of one text; of a list of them, in `items`.", **fields
    )
    return found
