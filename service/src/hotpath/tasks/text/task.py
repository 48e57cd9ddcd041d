"""What the tasks about texts have in common."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy

from hotpath.core import TensorSpec
from hotpath.models.built import BuiltModel
from hotpath.tasks.task import Ask, Column, Fill, Item, Limits, Task
from hotpath.tasks.text import asking
from hotpath.tasks.text.outline import inputs
from hotpath.tasks.text.tokens import Tokens


class TextTask(Task):
    """Slots hold the numbers of a text's tokens, int32 (tokens,); the units of an item are its tokens."""

    content = asking.CONTENT
    element = asking.ELEMENT
    takes_tensors = False  # of another tokenizer they would be nonsense, and some no tokens at all

    inputs: Tuple[TensorSpec, ...]
    lengths: Tuple[int, ...]
    outputs: Tuple[TensorSpec, ...]
    columns: Dict[str, Column]

    def __init__(self, model: BuiltModel, texts: Sequence[str]) -> None:
        """`texts` are the probes. Raises ModelError or KeyError."""
        document = model.document
        self._model = model.identity.name
        self._texts = texts
        self._tolerance: Mapping[str, float] = document["tolerance"]
        self._tokens = Tokens(
            model.directory / document["tokenizer"], document["max_length"], document["too_long"] == "cut"
        )
        self.inputs = inputs(document["max_length"])
        self.lengths = tuple(document["lengths"])

    def example(self, units: int) -> Item:
        """The first token of the vocabulary, again and again."""
        return (numpy.zeros(units, numpy.int32),)

    def asked(self, body: bytes, kind: str, options: Mapping[str, str], limits: Limits) -> Ask:
        """One text, or a list of them."""
        texts, several = asking.read(body, kind, limits)
        fills = [
            asking.Text(text, self._tokens, f"inputs[{index}]" if several else "")
            for index, text in enumerate(texts)
        ]

        def describe(answers: Sequence[bytes]) -> Dict[str, Any]:
            found = [
                {**self.described(answer), "tokens": fill.units, "truncated": fill.is_cut}
                for fill, answer in zip(fills, answers)
            ]
            return {"items": found} if several else found[0]

        return Ask(fills, describe)

    def encoded(self, element: bytes, limits: Limits) -> Fill:
        """A text in UTF-8."""
        return asking.Text(asking.decoded(element), self._tokens)

    def described(self, answer: bytes) -> Dict[str, Any]:
        """What an answer says of its text."""
        raise NotImplementedError

    def probes(self) -> List[Item]:
        """The tokens of the probes' texts."""
        return [(self._tokens(text).ids,) for text in self._texts]
