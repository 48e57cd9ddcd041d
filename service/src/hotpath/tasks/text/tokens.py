"""From a text to the numbers of its tokens."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy
from numpy.typing import NDArray

from hotpath.core import InputError, ModelError

_CHARACTERS = 16
"""Of a text that are looked at, for each token that a model can take: English has four or five to a token.
A text is cut only once the whole of it is tokenized, which for a megabyte takes a third of a second."""


@dataclass(frozen=True)
class Tokenized:
    """A text as a model takes it."""

    ids: NDArray[numpy.int32]
    is_cut: bool
    """Whether it was longer than the model takes."""


class Tokens:
    """One model's tokenizer. Threads may share it."""

    def __init__(self, file: Path, bound: int, cuts: bool) -> None:
        """`bound`: the most tokens of a text; `cuts`: whether longer ones are cut, or refused.

        Raises ModelError. What the file itself says of padding and cutting doesn't count.
        """
        # Its threads would not survive a fork, and each process here has a processor of its own.
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        from tokenizers import Tokenizer

        try:
            self._tokenizer = Tokenizer.from_file(str(file))
            self._tokenizer.no_padding()
            self._tokenizer.no_truncation()
            if cuts:
                self._tokenizer.enable_truncation(bound)
        except Exception as error:  # the package raises nothing narrower
            raise ModelError(
                f"The tokenizer {file} can't be used: {error}.", "Copy or build this model version again."
            ) from error
        self._bound = bound
        self._cuts = cuts
        self.size: int = self._tokenizer.get_vocab_size(with_added_tokens=True)
        """Tokens that it knows."""

    @property
    def characters(self) -> int:
        """The most of a text that is looked at."""
        return self._bound * _CHARACTERS

    def __call__(self, text: str) -> Tokenized:
        """The tokens of a text. Raises InputError where it is too long and must not be cut."""
        is_longer = len(text) > self.characters
        if is_longer and not self._cuts:
            raise too_long(f"{len(text)} characters, more than {self.characters}", self._bound)
        encoding = self._tokenizer.encode(text[: self.characters])
        if len(encoding.ids) > self._bound:
            raise too_long(f"{len(encoding.ids)} tokens", self._bound)
        return Tokenized(numpy.array(encoding.ids, numpy.int32), is_longer or bool(encoding.overflowing))


def too_long(found: str, bound: int) -> InputError:
    """A text that the model can't take whole."""
    return InputError(
        413,
        "text_too_long",
        f"the text has {found}, and the model takes {bound} tokens",
        "send it in parts",
    )
