"""What is wrong in a configuration file, as a sentence with key, value, reason and remedy."""

from __future__ import annotations

import difflib
from typing import Any, Dict, Mapping, Sequence, Type

from pydantic import BaseModel
from typing_extensions import get_args, get_origin


def explain(item: Mapping[str, Any], schema: Type[BaseModel]) -> str:
    """One of pydantic's errors about a document of `schema`, whose fields describe what may be set."""
    location = item["loc"]
    key = ".".join(f"[{part}]" if isinstance(part, int) else str(part) for part in location).replace(
        ".[", "["
    )
    names = [part for part in location if isinstance(part, str)]  # an entry of a list is told as the list is
    if item["type"] == "extra_forbidden":
        known = sorted(_fields_at(schema, names[:-1]))
        near = difflib.get_close_matches(names[-1], known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys here: {', '.join(known)}."
        return f"{key} = {item['input']!r}: there is no such key; {hint}"
    reason = str(item["msg"]).replace("Value error, ", "")
    wanted = _fields_at(schema, names[:-1]).get(names[-1]) if names else None
    if item["type"] == "missing":
        return f"{key} is missing: set it to {wanted}."
    if item["type"] == "value_error":
        return f"{key}: {reason}." if key else f"{reason}."
    remedy = f" Set it to {wanted}." if wanted else ""
    return f"{key} = {item['input']!r}: {reason[:1].lower()}{reason[1:]}.{remedy}"


def _fields_at(schema: Type[BaseModel], names: Sequence[str]) -> Dict[str, str]:
    """Names and descriptions of the keys that may stand at a place in the file."""
    section: Any = schema
    for name in names:
        field = section.model_fields.get(name)
        found = field.annotation if field is not None else None
        section = get_args(found)[0] if get_origin(found) is list else found
        if not (isinstance(section, type) and issubclass(section, BaseModel)):
            return {}
    return {name: field.description or "" for name, field in section.model_fields.items()}
