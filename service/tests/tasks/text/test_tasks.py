"""Both tasks without a network: items into slots, answers to bytes and back, verdicts on probes."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any, Dict, List

import numpy
import pytest
from support.texts import BOUND, LABELS, WIDTH, described, numbers

from hotpath.core import InputError, ModelError
from hotpath.tasks import known
from hotpath.tasks.task import Limits

LIMITS = Limits(pixels=1, items=4)
NEIGHBOURS = [
    {"text": "a dog", "nearest": "dogs"},
    {"text": "dogs", "nearest": "a dog"},
    {"text": "good film", "nearest": "a film"},
    {"text": "a film", "nearest": "good film"},
]
RIGHT = [{"text": "good", "accept": ["good"]}, {"text": "bad film", "accept": ["bad", "neither"]}]


@pytest.fixture
def embedding(tmp_path: Path) -> Any:
    return known.task(described(tmp_path, "text-embedding", NEIGHBOURS))


@pytest.fixture
def classifier(tmp_path: Path) -> Any:
    return known.task(described(tmp_path, "text-classification", RIGHT))


def vectors(*angles: float) -> Any:
    """Vectors of length one, so many radians from the first axis."""
    found = numpy.zeros((len(angles), WIDTH), numpy.float32)
    found[:, 0], found[:, 1] = numpy.cos(angles), numpy.sin(angles)
    return found


def rankings(task: Any, *best: int, score: float = 0.8) -> List[bytes]:
    """Answers whose best label is given."""
    classes = numpy.array([[one, *({0, 1, 2} - {one})] for one in best])
    scores = numpy.tile(numpy.array([score, 0.9 - score, 0.1], numpy.float32), (len(best), 1))
    found: List[bytes] = task.pack((scores, classes))
    return found


def test_a_text_fills_its_part_of_a_slot(embedding: Any) -> None:
    slot = numpy.full(BOUND, 99, numpy.int32)
    ask = embedding.asked(b'{"text": "a dog"}', "application/json", {}, LIMITS)
    assert ask.fills[0].write((slot,)) == 4
    assert slot.tolist() == numbers("a", "dog") + [99] * (BOUND - 4)
    answer = ask.describe(embedding.pack((vectors(0.0),)))
    assert answer == {"embedding": [1.0] + [0.0] * (WIDTH - 1), "tokens": 4, "truncated": False}
    assert embedding.answer(**answer)


def test_numbers_are_told_in_the_digits_that_float32_has(embedding: Any) -> None:
    given = numpy.array([[0.1, -0.0677409694, 1e-5, -1.4e-45][:WIDTH] + [0.0] * (WIDTH - 4)], numpy.float32)
    interface = embedding.interfaces["embeddings"]
    ask = interface.asked(interface.request.model_validate({"input": "a dog"}), LIMITS)
    (told,) = [one["embedding"] for one in ask.describe(embedding.pack((given,)))["data"]]
    assert numpy.array(told, numpy.float32).tolist() == given[0].tolist()
    for number in told:
        assert len(f"{number!r}".partition("e")[0].lstrip("-0.").replace(".", "")) <= 9


def test_a_list_is_answered_in_its_order(embedding: Any) -> None:
    body = json.dumps({"inputs": ["dog", "dog " * 50]}).encode()
    ask = embedding.asked(body, "application/json", {}, LIMITS)
    for fill in ask.fills:
        fill.write((numpy.zeros(BOUND, numpy.int32),))
    answer = ask.describe(embedding.pack((vectors(0.0, math.pi / 2),)))
    assert [item["tokens"] for item in answer["items"]] == [3, BOUND]
    assert [item["truncated"] for item in answer["items"]] == [False, True]
    assert [round(item["embedding"][1]) for item in answer["items"]] == [0, 1]
    assert embedding.answer(**answer)


def test_a_text_that_is_too_long_is_named_among_several(tmp_path: Path) -> None:
    task: Any = known.task(described(tmp_path, "text-embedding", NEIGHBOURS, too_long="refuse"))
    body = json.dumps({"inputs": ["dog", "dog " * 40]}).encode()
    long = [task.asked(body, "application/json", {}, LIMITS).fills[1]]
    document = {"query": "dog", "documents": ["dog", "dog " * 40]}
    rerank = task.interfaces["rerank"]
    long.append(rerank.asked(rerank.request(**document), LIMITS).fills[2])
    for fill, place in zip(long, (r"inputs\[1\]", r"documents\[1\]")):
        with pytest.raises(InputError, match=place + " can't be used: the text has 42 tokens"):
            fill.write((numpy.zeros(BOUND, numpy.int32),))


def test_the_protocols_columns_are_flat_and_whole(embedding: Any, classifier: Any) -> None:
    found = embedding.column("embedding", [(None, one) for one in embedding.pack((vectors(0.3, 0.6),))])
    assert numpy.array(found, numpy.float32).reshape(2, WIDTH) == pytest.approx(vectors(0.3, 0.6))
    items = [(None, one) for one in rankings(classifier, 1, 0)]
    assert classifier.column("labels", items) == ["good", "bad", "neither", "bad", "good", "neither"]
    assert classifier.column("scores", items)[:3] == pytest.approx([0.8, 0.1, 0.1])


def test_a_classifier_names_its_labels(classifier: Any) -> None:
    answer = classifier.described(rankings(classifier, 1)[0])
    assert (answer["label"], answer["score"]) == ("good", 0.8)
    assert [one["label"] for one in answer["labels"]] == ["good", "bad", "neither"]
    assert classifier.answer(**answer, tokens=3, truncated=False)


def test_examples_are_as_long_as_asked(embedding: Any) -> None:
    for units in embedding.lengths:
        assert embedding.example(units)[0].shape == (units,)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_no_number_is_no_answer(embedding: Any, classifier: Any, bad: float) -> None:
    spoilt = vectors(0.1, 0.2)
    spoilt[1, 3] = bad
    with pytest.raises(ValueError, match="text 1"):
        embedding.pack((spoilt,))
    with pytest.raises(ValueError, match="item 0"):
        classifier.pack((numpy.array([[bad, 0, 0]], numpy.float32), numpy.array([[0, 1, 2]])))


def test_probes_must_be_nearest_to_their_own(embedding: Any) -> None:
    assert next(item[0].tolist() for item in embedding.probes()) == numbers("a", "dog")
    embedding.judge(embedding.pack((vectors(0.0, 0.1, 1.0, 1.1),)))
    with pytest.raises(ModelError, match="'dogs' nearer to 'good film' than to 'a dog'"):
        embedding.judge(embedding.pack((vectors(0.0, 0.6, 1.0, 1.1),)))


def test_probes_must_have_their_labels(classifier: Any) -> None:
    classifier.judge(rankings(classifier, 1, 2))
    with pytest.raises(
        ModelError, match=r"takes 'bad film' for 'good' \(0\.800\); right would be: bad, neither"
    ):
        classifier.judge(rankings(classifier, 1, 1))


def test_embeddings_are_compared_by_cosine(embedding: Any) -> None:
    wanted = embedding.pack((vectors(0.0, 1.0),))
    near = embedding.pack((vectors(0.0, 1.001),))  # a cosine of 1 - 5e-7
    far = embedding.pack((vectors(0.0, 1.03),))  # of 1 - 4.5e-4
    assert embedding.compare("form", True, wanted, near) == pytest.approx(5e-7, rel=0.2)
    assert embedding.compare("form", False, wanted, far) == pytest.approx(4.5e-4, rel=0.01)
    with pytest.raises(ModelError, match=r"form of tiny has a cosine of 0\.99955"):
        embedding.compare("form", True, wanted, far)
    with pytest.raises(ModelError):
        embedding.compare("form", False, wanted, embedding.pack((vectors(0.0, 1.1),)))


def test_labels_are_compared_by_score_and_place(classifier: Any) -> None:
    wanted = rankings(classifier, 0)
    assert classifier.compare("form", False, wanted, rankings(classifier, 0, score=0.77)) < 0.031
    for found in (rankings(classifier, 1), rankings(classifier, 0, score=0.7)):
        with pytest.raises(ModelError, match="differs from the eager model"):
            classifier.compare("form", False, wanted, found)


def test_versions_agree_by_direction_or_label(embedding: Any, classifier: Any, tmp_path: Path) -> None:
    near, far = (embedding.pack((vectors(angle),))[0] for angle in (0.1, 0.5))
    assert embedding.agrees(near, embedding, near)
    assert not embedding.agrees(near, embedding, far)
    assert not embedding.agrees(near, classifier, near)
    other = known.task(described(tmp_path, "text-classification", RIGHT, labels=LABELS[::-1]))
    assert classifier.agrees(rankings(classifier, 0)[0], other, rankings(other, 2)[0])
    assert not classifier.agrees(rankings(classifier, 0)[0], other, rankings(other, 0)[0])


def test_records_are_what_was_answered(embedding: Any, classifier: Any) -> None:
    for task, answers in (
        (embedding, embedding.pack((vectors(0.1, 0.7),))),
        (classifier, rankings(classifier, 0, 2)),
    ):
        assert task.recorded(json.loads(json.dumps(task.record(answers)))) == answers


def test_outlines_ask_what_a_task_answers(embedding: Any, classifier: Any, tmp_path: Path) -> None:
    (probe,) = known.outline(described(tmp_path, "text-embedding", NEIGHBOURS)).probes()
    assert json.loads(probe.body)["inputs"] == [one["text"] for one in NEIGHBOURS]

    def answer(*angles: float) -> Dict[str, Any]:
        return {"items": [{"embedding": vector.tolist()} for vector in vectors(*angles)]}

    assert probe.read(answer(0.0, 0.1, 1.0, 1.1))[1] == ""
    assert "nearer to 'good film'" in probe.read(answer(0.0, 0.6, 1.0, 1.1))[1]
    first, second = known.outline(described(tmp_path, "text-classification", RIGHT)).probes()
    assert json.loads(first.body) == {"inputs": "good"}
    assert first.read({"label": "good", "score": 0.9}) == ("good 0.900", "")
    assert "right would be: bad, neither" in second.read({"label": "good", "score": 0.9})[1]


def test_outlines_know_whether_two_models_take_the_same_slots(tmp_path: Path) -> None:
    def outline(**more: Any) -> Any:
        return known.outline(described(tmp_path, "text-embedding", NEIGHBOURS, **more))

    mine = outline()
    assert mine.slot_bytes == 4 * BOUND
    assert mine.same_input(outline())
    assert mine.same_input(known.outline(described(tmp_path, "text-classification", RIGHT)))
    assert not mine.same_input(outline(max_length=16, lengths=[16]))
    assert not mine.same_input(outline(too_long="refuse"))
    assert not mine.same_input(outline(files={"tokenizer.json": "1" * 64}))


@pytest.mark.parametrize(
    "damage",
    [
        {"max_length": "12"},
        {"lengths": [12, 4]},
        {"lengths": [4, 8]},
        {"lengths": []},
        {"too_long": "wrap"},
        {"tokenizer": "none.json", "files": {"none.json": ""}},
        {"probes": [{"text": "a", "nearest": "b"}]},
    ],
)
def test_a_damaged_description_is_refused_before_a_worker_meets_it(
    tmp_path: Path, damage: Dict[str, Any]
) -> None:
    with pytest.raises(ModelError):
        known.outline(described(tmp_path, "text-embedding", damage.pop("probes", NEIGHBOURS), **damage))


def test_outlines_import_nothing_that_computes() -> None:
    import subprocess

    code = (
        "import sys; import hotpath.tasks.text.embedding.outline, hotpath.tasks.text.classification.outline; "
        "print(sorted({'numpy', 'torch', 'tokenizers', 'pydantic'} & set(sys.modules)))"
    )
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout == "[]\n", done.stderr
