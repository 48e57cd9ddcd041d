"""How texts come in: the bodies of /predict, and the way of a text into its slot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Tuple

from hotpath import json_text
from hotpath.core import InputError
from hotpath.tasks.task import Content, Element, Fill, Item, Limits
from hotpath.tasks.text.tokens import Tokens

_JSON, _PLAIN = "application/json", "text/plain"
_QUICK = 2048
"""Characters that are tokenized within a millisecond or two, whatever they are."""

_TEXT = {"type": "string", "minLength": 1}
CONTENT = Content(
    (_JSON, _PLAIN),
    "Send the text as JSON or as it is, as in: "
    """curl -H 'Content-Type: application/json' -d '{"text": "A sentence."}' URL""",
    {
        _JSON: {
            "oneOf": [
                {"type": "object", "required": ["text"], "properties": {"text": _TEXT}},
                {
                    "type": "object",
                    "required": ["inputs"],
                    "properties": {
                        "inputs": {
                            "oneOf": [
                                _TEXT,
                                {"type": "array", "items": _TEXT, "minItems": 1},
                            ]
                        }
                    },
                },
            ]
        },
        _PLAIN: _TEXT,
    },
)

ELEMENT = Element("text", is_text=True)


@dataclass
class Text(Fill):
    """A text; once it lies in a slot, how many tokens it has there."""

    text: str
    tokens: Tokens
    place: str = ""
    """Where it stands in a request of several texts."""
    units: int = 0
    is_cut: bool = False

    def write(self, slot: Item) -> int:
        """The numbers of its tokens."""
        try:
            found = self.tokens(self.text)
        except InputError as error:
            raise at(self.place, error) from error
        self.units, self.is_cut = len(found.ids), found.is_cut
        slot[0][: self.units] = found.ids
        return self.units

    def is_quick(self) -> bool:
        """By its length."""
        return len(self.text) <= _QUICK


def read(body: bytes, kind: str, limits: Limits) -> Tuple[List[str], bool]:
    """The texts of a body of this type, and whether it holds a list of them. Raises InputError."""
    if kind == _PLAIN:
        return [decoded(body)], False
    document = json_text.read(body, CONTENT.remedy)
    given = document if isinstance(document, dict) else {}
    if len(given) != 1 or not given.keys() & {"text", "inputs"}:
        raise InputError(
            400, "invalid_body", "the body is no object with the key 'text' or 'inputs' alone", CONTENT.remedy
        )
    ((key, value),) = given.items()
    if key == "text" or isinstance(value, str):
        return [checked(value)], False
    if not isinstance(value, list) or not value:
        raise InputError(400, "invalid_body", "'inputs' is no text and no list of them", CONTENT.remedy)
    if len(value) > limits.items:
        raise too_many(len(value), limits.items)
    return [checked(one, f"inputs[{index}]") for index, one in enumerate(value)], True


def at(place: str, error: InputError) -> InputError:
    """The error of the text that stands there; as it is for those who sent no other."""
    if not place:
        return error
    return InputError(error.status, error.code, f"{place} can't be used: {error.message}", error.remedy)


def too_many(count: int, most: int) -> InputError:
    """A request of more texts than the operators allow."""
    return InputError(
        413,
        "too_many_texts",
        f"there are {count} texts; a request may hold {most}",
        "split them over several requests; the service puts them together again",
    )


def decoded(element: bytes) -> str:
    """The text that UTF-8 says. Raises InputError."""
    try:
        return checked(element.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(
            400, "invalid_text", f"the text is not UTF-8: {error}", "encode it as UTF-8"
        ) from error


def checked(value: Any, place: str = "") -> str:
    """What is a text, and not an empty one. Raises InputError."""
    try:
        return _checked(value)
    except InputError as error:
        raise at(place, error) from error


def _checked(value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(400, "invalid_body", "an input is no text", CONTENT.remedy)
    if not value.strip():
        raise InputError(400, "empty_text", "the text holds nothing but space", "send some words")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise InputError(
                400,
                "invalid_text",
                f"the text is no Unicode: {error}",
                "send no half of a pair of surrogates",
            ) from error
    return value
