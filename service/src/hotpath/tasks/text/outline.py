"""A model of texts as far as it is known without numpy."""

from __future__ import annotations

import json
from typing import Any, List, Tuple

from hotpath.core import TensorSpec, slot_bytes
from hotpath.models.built import BuiltModel
from hotpath.tasks.outline import Outline, Probe


def inputs(bound: int) -> Tuple[TensorSpec, ...]:
    """What lies in a slot: the numbers of a text's tokens."""
    return (TensorSpec("ids", "int32", (bound,), varies=True),)


class TextOutline(Outline):
    """Of a built model. Says how texts become slots; each task adds its probes."""

    def __init__(self, model: BuiltModel) -> None:
        """Raises ModelError, and what `models.built.understood` turns into one."""
        document = model.document
        bound, lengths = document["max_length"], document["lengths"]
        if type(bound) is not int or lengths[-1:] != [bound] or lengths != sorted(lengths) or lengths[0] < 1:
            raise ValueError(f"max_length is {bound!r} and lengths are {lengths!r}")
        if document["too_long"] not in ("cut", "refuse"):
            raise ValueError(f"too_long is {document['too_long']!r}")
        json.loads(model.read(document["tokenizer"]).decode("utf-8"))["model"]
        self._way = (document["files"][document["tokenizer"]], bound, document["too_long"])
        self.input = f"1 to {bound} tokens"
        self.slot_bytes = slot_bytes(inputs(bound))

    def same_input(self, other: Outline) -> bool:
        """Whether both are given the same tokens of a text."""
        return isinstance(other, TextOutline) and self._way == other._way

    def probes(self) -> List[Probe]:
        """Each task's own."""
        raise NotImplementedError


def asking(value: Any) -> bytes:
    """The body of a request with one text, or a list of them."""
    return json.dumps({"inputs": value}, ensure_ascii=False).encode("utf-8")


def shortened(text: str, length: int = 24) -> str:
    """The beginning of a text, to name it by."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
