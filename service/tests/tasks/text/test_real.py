"""MiniLM and the sentiment classifier with their real weights."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
from support.published import answers, built, vectors

from hotpath.models.built import BuiltModel
from hotpath.tasks import known

pytest.importorskip("torch", reason="this Python has no torch; the real models are tested on the other one")


@pytest.fixture(scope="module")
def minilm() -> BuiltModel:
    return built("minilm_l6")


@pytest.fixture(scope="module")
def sentiment() -> BuiltModel:
    return built("movie_sentiment")


@pytest.mark.parametrize("backend", ["torchscript", "eager"])
def test_minilm_gives_its_makers_numbers(minilm: BuiltModel, backend: str) -> None:
    """The first is the example of its page, whose embedding begins with these in sentence-transformers."""
    texts = ["This is an example sentence", "Each sentence is converted"]
    texts += ["A man is eating food.", "A man is eating a piece of bread.", "A monkey is playing drums."]
    found = vectors(minilm, backend, *texts, "A man is eating food. " * 100)
    assert found[0, :4] == pytest.approx([0.067657, 0.063496, 0.048713, 0.079305], abs=2e-6)
    cosines = found @ found.T
    assert [cosines[0, 1], cosines[2, 3], cosines[2, 4]] == pytest.approx(
        [0.40456, 0.75534, 0.04760], abs=1e-5
    )
    assert numpy.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-6)


def test_a_text_of_256_tokens_is_not_cut_at_128(minilm: BuiltModel) -> None:
    start = "The train to the coast leaves at noon. " * 20
    longer = start + "Whales are the largest animals on Earth. " * 5
    short, long = vectors(minilm, "torchscript", start, longer)
    assert float(short @ long) < 0.99


def test_texts_change_nothing_in_their_neighbours(minilm: BuiltModel) -> None:
    texts = ["one", "A man is eating a piece of bread.", "many words " * 120, "two of them"]
    together = vectors(minilm, "torchscript", *texts)
    alone = numpy.concatenate([vectors(minilm, "torchscript", text) for text in texts])
    assert together == pytest.approx(alone, abs=2e-6)


def test_the_build_compared_the_forms(minilm: BuiltModel, sentiment: BuiltModel) -> None:
    for model in (minilm, sentiment):
        check = model.document["check"]
        assert check["batch_sizes"] == [1, 2, 4, 8]
        assert 0 <= check["largest_difference"]["torchscript"] <= 1e-5


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I loved every minute of this beautiful film.", "positive"),
        ("Terrible acting and a stupid, boring story.", "negative"),
    ],
)
def test_the_sentiment_of_other_sentences_is_told(sentiment: BuiltModel, text: str, label: str) -> None:
    (answer,) = answers(sentiment, "torchscript", text)
    task: Any = known.task(sentiment)
    assert task.described(answer)["label"] == label
