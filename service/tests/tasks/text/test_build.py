"""Tiny models of texts are built, compared with the eager form, and refused where their parts don't fit."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy
import pytest
from support.texts import (
    BOUND,
    HEADS,
    LABELS,
    POSITIONS,
    WIDTH,
    head,
    tensors,
    write_source,
    write_tokenizer,
)

from hotpath.building.build import build
from hotpath.building.reading import read
from hotpath.building.report import as_text
from hotpath.core import EngineSpec, ModelError
from hotpath.engine.factory import create
from hotpath.models.built import BuiltModel
from hotpath.tasks import known

torch = pytest.importorskip("torch", reason="this Python has no torch; this is tested on the other one")

from safetensors.numpy import save_file  # noqa: E402

from hotpath.tasks.text import precision, weights  # noqa: E402
from hotpath.tasks.text.classification.task import TextClassification  # noqa: E402
from hotpath.tasks.text.embedding.network import TextEmbedder  # noqa: E402
from hotpath.tasks.text.forms import batch  # noqa: E402
from hotpath.tasks.text.tokens import Tokens  # noqa: E402

TEXTS = ["a dog", "dogs", "good film", "the film is bad ."]


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The embeddings of TEXTS."""
    room = tmp_path_factory.mktemp("parts")
    save_file(tensors(), room / "model.safetensors")
    write_tokenizer(room / "tokenizer.json")
    tokens = Tokens(room / "tokenizer.json", BOUND, cuts=True)
    network = TextEmbedder(weights.encoder(room / "model.safetensors", WIDTH, HEADS, "mean")).eval()
    with torch.no_grad():
        return network(*batch([tokens(text).ids for text in TEXTS]))[0]


@pytest.fixture(scope="module")
def probes(vectors: Any) -> Dict[str, List[Dict[str, Any]]]:
    """By task: what such an encoder, whose weights are random, is right about."""
    cosines = vectors @ vectors.T - 2 * torch.eye(len(TEXTS))
    logits = vectors @ torch.from_numpy(head()["weight"]).T
    return {
        "text-embedding": [
            {"text": text, "nearest": TEXTS[int(row.argmax())]} for text, row in zip(TEXTS, cosines)
        ],
        "text-classification": [
            {"text": text, "accept": [LABELS[int(row.argmax())]]} for text, row in zip(TEXTS, logits)
        ],
    }


@pytest.fixture(scope="module")
def models(probes: Any, tmp_path_factory: pytest.TempPathFactory) -> Dict[str, BuiltModel]:
    """One built model of each task."""
    found = {}
    for task, some in probes.items():
        room = tmp_path_factory.mktemp(task)
        found[task] = build(write_source(room / "source", some, task), room / "models")[0]
    return found


def loaded(model: BuiltModel, backend: str) -> Any:
    engine = create(backend)
    engine.load(model, EngineSpec(0, "tiny", model.directory, "cpu", backend, 1, 4, ()))
    return engine


@pytest.mark.parametrize("backend", ["torchscript", "eager"])
def test_engines_answer_as_the_network_does(models: Any, vectors: Any, backend: str) -> None:
    model = models["text-embedding"]
    engine, task = loaded(model, backend), known.task(model)
    (found,) = engine.finish(engine.launch(task.probes()))
    assert found == pytest.approx(vectors.numpy(), abs=1e-5)
    assert task.lengths == (BOUND,)
    for units in range(1, BOUND + 1):
        (found,) = engine.finish(engine.launch([task.example(units)]))
        assert numpy.isfinite(found).all()


@pytest.mark.parametrize("backend", ["torchscript", "eager"])
def test_classifiers_rank_their_labels(models: Any, probes: Any, backend: str) -> None:
    model = models["text-classification"]
    engine, task = loaded(model, backend), TextClassification(model)
    answers = task.pack(engine.finish(engine.launch(task.probes())))
    found = [task.described(answer) for answer in answers]
    assert [[one["label"]] for one in found] == [probe["accept"] for probe in probes["text-classification"]]
    for one in found:
        assert sorted(ranked["label"] for ranked in one["labels"]) == sorted(LABELS)
        assert sum(ranked["score"] for ranked in one["labels"]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("task", ["text-embedding", "text-classification"])
def test_the_build_compared_its_forms(models: Any, task: str) -> None:
    check = models[task].document["check"]
    assert check["batch_sizes"] == [1, 2, 4, 8]
    assert 0 <= check["largest_difference"]["torchscript"] <= 1e-5
    assert models[task].artifacts["torchscript"] == "model.pt"


def test_probes_that_the_model_is_wrong_about_stop_the_build(probes: Any, tmp_path: Path) -> None:
    wrong = [dict(probe) for probe in probes["text-embedding"]]
    wrong[0]["nearest"] = next(text for text in TEXTS if text not in wrong[0].values())
    with pytest.raises(ModelError, match="finds 'a dog' nearer to"):
        build(write_source(tmp_path / "source", wrong), tmp_path / "models")
    assert not list((tmp_path / "models" / "tiny").iterdir())


@pytest.mark.parametrize(
    ("settings", "more", "words"),
    [
        ([f"max_length = {POSITIONS + 1}"], {}, f"knows {POSITIONS} of the {POSITIONS + 1} tokens of a text"),
        (["max_length = 4"], {}, "'the film is bad .' of tiny has more than 4 tokens"),
        (["max_length = 12"], {"width": 16}, "model.toml says 16"),
        (["max_length = 12", "lengths = [4, 8]"], {}, "end with max_length = 12"),
        (["max_length = 12", "lengths = [8, 4, 12]"], {}, "must ascend"),
        (["max_length = 12", 'too_long = "wrap"'], {}, "'cut' or 'refuse'"),
    ],
)
def test_parts_that_do_not_fit_are_named(
    probes: Any, tmp_path: Path, settings: List[str], more: Any, words: str
) -> None:
    source = write_source(tmp_path / "source", probes["text-embedding"], settings=settings, **more)
    with pytest.raises(ModelError, match=words):
        build(source, tmp_path / "models")


def test_a_vocabulary_beyond_the_encoder_is_named(probes: Any, tmp_path: Path) -> None:
    few = tensors()
    few["embeddings.word_embeddings.weight"] = few["embeddings.word_embeddings.weight"][:-1]
    with pytest.raises(ModelError, match="knows 13 of the 14 tokens of its tokenizer"):
        build(write_source(tmp_path / "source", probes["text-embedding"], weights=few), tmp_path / "models")


@pytest.mark.parametrize(
    "nonsense", [[{"text": "a dog", "nearest": "cat"}], [{"text": "a dog", "nearest": "a dog"}]]
)
def test_probes_without_a_neighbour_are_refused(probes: Any, tmp_path: Path, nonsense: Any) -> None:
    source = write_source(tmp_path / "source", [*probes["text-embedding"][1:], *nonsense])
    with pytest.raises(ModelError, match="is the text of no other probe"):
        read(source)


def test_lengths_are_powers_of_two_unless_told(probes: Any, tmp_path: Path) -> None:
    def buckets(name: str, *settings: str) -> List[int]:
        source: Any = read(write_source(tmp_path / name, probes["text-embedding"], settings=settings))
        found: List[int] = source.buckets
        return found

    assert buckets("usual", "max_length = 256") == [16, 32, 64, 128, 256]
    assert buckets("odd", "max_length = 40") == [16, 32, 40]
    assert buckets("told", "max_length = 40", "lengths = [10, 40]") == [10, 40]


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any processor can compute in bfloat16, if not fast."""
    monkeypatch.setattr(precision, "unusable", lambda name: "")


def tolerating(model: BuiltModel, cosine: float) -> BuiltModel:
    tolerance = {**model.document["tolerance"], "reduced": cosine}
    return replace(model, document={**model.document, "tolerance": tolerance})


@pytest.mark.usefixtures("able")
def test_bfloat16_serves_where_many_texts_agree(models: Any, tmp_path: Path) -> None:
    model = tolerating(models["text-embedding"], 0.9)
    report = precision.choose(model, "bfloat16", lambda answer: True, tmp_path / "onednn.pt")
    assert report["chosen"] == "bfloat16"
    exactly, reduced = report["trials"]
    found = reduced["agreement"]
    assert found["texts"] == found["decided"] == 6 * len(TEXTS)
    assert 1e-7 < found["largest_difference"] < 0.1
    text = as_text({**model.document, "name": "near", "version": "1", "precision": report})
    for row in (
        rf"float32 +{exactly['cpu_ms_per_item']:.2f} +accepted",
        rf"bfloat16 +{reduced['cpu_ms_per_item']:.2f} +{found['texts']} +{found['decided']} +\S+  accepted",
    ):
        assert re.search(f"^{row}$", text, re.MULTILINE)
    given = batch([item[0] for item in known.task(model).probes()])
    with torch.no_grad():
        (found,) = torch.jit.load(str(tmp_path / "onednn.pt"))(*given)
        (exact,) = known.networks(model).eager(model)(*given)
    assert 1e-5 < (found - exact).abs().max() < 0.2


@pytest.mark.usefixtures("able")
def test_it_does_not_where_they_differ(models: Any, tmp_path: Path) -> None:
    model = tolerating(models["text-embedding"], 1.0)
    report = precision.choose(model, "auto", lambda answer: True, tmp_path / "onednn.pt")
    assert report["chosen"] is None
    assert "has a cosine of" in report["reason"]
    with pytest.raises(ModelError, match="has a cosine of"):
        precision.choose(model, "bfloat16", lambda answer: True, tmp_path / "onednn.pt")
    with pytest.raises(ModelError, match="decides about none of the texts"):
        precision.choose(model, "bfloat16", lambda answer: False, tmp_path / "onednn.pt")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("able")
@pytest.mark.parametrize(("took", "chosen"), [(0.5, "bfloat16"), (2.0, None)])
def test_it_is_chosen_where_it_is_faster(
    models: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, took: float, chosen: Optional[str]
) -> None:
    times = {"float32": 1.0, "bfloat16": took}
    monkeypatch.setattr(precision._Comparison, "_milliseconds", lambda trial: times)
    model = tolerating(models["text-embedding"], 0.9)
    report = precision.choose(model, "auto", lambda answer: True, tmp_path / "onednn.pt")
    assert report["chosen"] == chosen
    assert (tmp_path / "onednn.pt").exists() == bool(chosen)
    slower = "bfloat16: it takes 2.00 ms for a text and float32 1.00 ms."
    assert report.get("reason") == (None if chosen else slower)


def test_texts_to_judge_by_keep_their_marks_and_fit(models: Any) -> None:
    task = known.task(models["text-embedding"])
    found = precision.texts(task)
    first, last = task.probes()[0][0][[0, -1]]
    assert {len(ids) for ids in found} >= {3, 5, BOUND}
    for ids in found:
        assert (ids[0], ids[-1]) == (first, last)
        assert last not in ids[:-1]
        assert len(ids) <= BOUND


def test_what_can_not_be_had_is_refused_by_name_alone(
    models: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(precision, "unusable", lambda name: "this processor has none of it")

    def chosen(asked: str) -> Dict[str, Any]:
        return precision.choose(models["text-embedding"], asked, lambda answer: True, tmp_path / "onednn.pt")

    assert chosen("auto")["reason"] == "bfloat16: this processor has none of it."
    assert chosen("float32")["chosen"] is None
    for asked, words in (
        ("bfloat16", "this processor has none of it"),
        ("int8", "int8 is not offered for texts"),
    ):
        with pytest.raises(ModelError, match=words):
            chosen(asked)
    assert not list(tmp_path.iterdir())
