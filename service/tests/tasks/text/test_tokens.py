"""Texts become the numbers of their tokens, as long as the model takes and no longer, and cheaply."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.texts import BOUND, numbers, write_tokenizer

from hotpath.core import InputError, ModelError
from hotpath.tasks.text.tokens import Tokens


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tokenizer.json"
    write_tokenizer(path)
    return path


def test_what_the_file_says_of_padding_and_cutting_does_not_count(file: Path) -> None:
    tokens = Tokens(file, BOUND, cuts=True)
    found = tokens("A good film")
    assert found.ids.tolist() == numbers("a", "good", "film")
    assert found.ids.dtype == "int32"
    assert not found.is_cut
    longer = tokens("the dogs is a good film .")
    assert longer.ids.tolist() == numbers("the", "dog", "##s", "is", "a", "good", "film", ".")
    assert not longer.is_cut


@pytest.mark.parametrize(("words", "is_cut"), [(BOUND - 2, False), (BOUND - 1, True), (100, True)])
def test_a_longer_text_is_cut_and_keeps_its_end_mark(file: Path, words: int, is_cut: bool) -> None:
    found = Tokens(file, BOUND, cuts=True)("dog " * words)
    assert found.ids.tolist() == numbers(*["dog"] * (BOUND - 2))
    assert found.is_cut == is_cut


def test_or_it_is_refused(file: Path) -> None:
    tokens = Tokens(file, BOUND, cuts=False)
    assert len(tokens("dog " * (BOUND - 2)).ids) == BOUND
    for text, found in (("dog " * 11, "13 tokens"), ("dog " * 100, "400 characters, more than 192")):
        with pytest.raises(InputError, match=found) as caught:
            tokens(text)
        assert (caught.value.status, caught.value.code) == (413, "text_too_long")


def test_no_more_of_a_huge_text_is_tokenized_than_can_be_used(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = Tokens(file, BOUND, cuts=True)
    seen = []

    class Watched:
        def encode(self, text: str) -> object:
            seen.append(len(text))
            return inner.encode(text)

    inner = tokens._tokenizer
    monkeypatch.setattr(tokens, "_tokenizer", Watched())
    assert tokens("dog " * 1_000_000).is_cut
    assert seen == [tokens.characters]


def test_space_that_fills_what_is_looked_at_counts_as_cut(file: Path) -> None:
    tokens = Tokens(file, BOUND, cuts=True)
    found = tokens("dog" + " " * tokens.characters + "cat")
    assert found.ids.tolist() == numbers("dog")
    assert found.is_cut


def test_its_threads_are_switched_off(file: Path) -> None:
    Tokens(file, BOUND, cuts=True)
    assert os.environ["TOKENIZERS_PARALLELISM"] == "false"


@pytest.mark.parametrize("content", ["", "{}", '{"model": 1}'])
def test_a_file_that_is_no_tokenizer_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(ModelError, match=r"tokenizer\.json can't be used"):
        Tokens(tmp_path / "tokenizer.json", BOUND, cuts=True)
