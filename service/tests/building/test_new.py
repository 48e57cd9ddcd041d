"""`hotpath new` writes sources that build, and nothing over what is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from safetensors.numpy import save_file
from support import texts

from hotpath.building.new import new
from hotpath.building.reading import read
from hotpath.cli import main
from hotpath.core import ModelError, Refusal
from hotpath.tasks import known

_WITH_LABELS = ("image-classification", "object-detection")
"""Those whose labels lie in a file of their own, labels.txt."""
SEED = 30
"""Of an encoder to which, as it happens, the sentences of the scaffolds mean what they mean to people."""


def config(**changes: Any) -> Dict[str, Any]:
    """config.json of the tiny encoder."""
    return {
        "model_type": "bert",
        "hidden_size": texts.WIDTH,
        "num_attention_heads": texts.HEADS,
        "max_position_embeddings": texts.POSITIONS,
        "hidden_act": "gelu",
        **changes,
    }


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As transformers would save an encoder."""
    monkeypatch.setattr(texts, "WIDTH", 32)
    directory = tmp_path / "checkpoint"
    directory.mkdir()
    save_file(texts.tensors(SEED), directory / "model.safetensors")
    texts.write_tokenizer(directory / "tokenizer.json")
    (directory / "config.json").write_text(json.dumps(config()))
    return directory


def test_every_task_has_a_scaffold_that_builds_and_whose_tests_pass(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="this Python has no torch; this is tested on the other one")
    monkeypatch.chdir(tmp_path)
    sources = []
    for task in known.NAMES:
        begin = ["--from", str(checkpoint)] if task.startswith("text-") else []
        assert main(["new", f"my-{task}", "--task", task, *begin]) == 0
        sources.append(tmp_path / f"my-{task}")
        assert read(sources[-1]).task == task
        assert not list(sources[-1].rglob("*.txt")) or task in _WITH_LABELS
    package = Path(__file__).parents[2] / "src"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "-p", "no:cacheprovider", *sources],
        env={**os.environ, "PYTHONPATH": str(package)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "10 passed" in done.stdout


def test_a_source_of_texts_says_what_its_checkpoint_says(checkpoint: Path, tmp_path: Path) -> None:
    (checkpoint / "1_Pooling").mkdir()
    (checkpoint / "1_Pooling" / "config.json").write_text(
        '{"word_embedding_dimension": 32, "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}'
    )
    (checkpoint / "sentence_bert_config.json").write_text('{"max_seq_length": 40}')
    new("near", "text-embedding", tmp_path / "source", checkpoint)
    source: Any = read(tmp_path / "source")
    assert (source.name, source.max_length) == ("near", 40)
    assert source.encoder.model_dump() == {"width": 32, "heads": 2, "pooling": "first"}
    (checkpoint / "1_Pooling" / "config.json").unlink()
    (checkpoint / "sentence_bert_config.json").unlink()
    new("near", "text-embedding", tmp_path / "other", checkpoint)
    other: Any = read(tmp_path / "other")
    assert (other.encoder.pooling, other.max_length) == ("mean", texts.POSITIONS)


@pytest.mark.parametrize(
    ("examples", "words"),
    [
        (
            "positive\tgood\nneutral\ta film\n",
            "examples.tsv:2 begins with none of the labels negative, positive",
        ),
        ("positive good\n", "examples.tsv:1 begins with none of"),
        ("positive\t \n", "examples.tsv:1 begins with none of"),
        ("positive\tgood\n", "has no example of negative"),
    ],
)
def test_examples_that_no_head_can_be_made_of_are_named(
    checkpoint: Path, tmp_path: Path, examples: str, words: str
) -> None:
    pytest.importorskip("torch", reason="this Python has no torch; this is tested on the other one")
    new("mood", "text-classification", tmp_path / "mood", checkpoint)
    from hotpath.tasks.text.heads import train

    (tmp_path / "mood" / "examples.tsv").write_text(examples)
    with pytest.raises(ModelError) as caught:
        train(tmp_path / "mood", "examples.tsv")
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"config.json": None}, "There is no config.json in"),
        ({"tokenizer.json": None}, "There is no tokenizer.json in"),
        ({"model.safetensors": None}, "There is no model.safetensors in"),
        ({"config.json": "{"}, "config.json is no JSON"),
        ({"config.json": "[]"}, "config.json is no JSON object"),
        ({"config.json": "{}"}, "model_type = None, and 'bert' is what is served"),
        ({"config.json": config(model_type="roberta")}, "model_type = 'roberta'"),
        ({"config.json": config(hidden_act="relu")}, "hidden_act = 'relu'"),
        ({"config.json": config(position_embedding_type="relative_key")}, "position_embedding_type"),
        ({"config.json": config(layer_norm_eps=1e-5)}, "layer_norm_eps"),
        ({"config.json": config(hidden_size="wide")}, "hidden_size = 'wide'"),
        ({"model.safetensors": "no tensors"}, "model.safetensors can't be read"),
        ({"modules.json": [{"type": "sentence_transformers.models.Dense"}]}, "models.Dense, which is not"),
        ({"modules.json": "{}"}, "modules.json is no JSON list"),
        ({"1_Pooling/config.json": {"pooling_mode_max_tokens": True}}, "pooling_mode_max_tokens, which is"),
    ],
)
def test_what_is_no_encoder_of_this_kind_is_named(
    checkpoint: Path, tmp_path: Path, changes: Dict[str, Any], words: str
) -> None:
    for name, content in changes.items():
        (checkpoint / name).parent.mkdir(exist_ok=True)
        if content is None:
            (checkpoint / name).unlink()
        else:
            (checkpoint / name).write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ModelError) as caught:
        new("near", "text-embedding", tmp_path / "source", checkpoint)
    assert words in caught.value.message
    assert caught.value.remedy
    assert not (tmp_path / "source").exists()


def test_weights_of_another_network_are_named(checkpoint: Path, tmp_path: Path) -> None:
    save_file(texts.head(), checkpoint / "model.safetensors")
    with pytest.raises(ModelError, match=r"they have no 'embeddings\.word_embeddings\.weight'"):
        new("near", "text-embedding", tmp_path / "source", checkpoint)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x", "--task", "translation"], f"those there are: {', '.join(known.NAMES)}"),
        (["../x", "--task", "tensors"], "No model can be called '../x'"),
        (["", "--task", "tensors"], "No model can be called ''"),
        (["x\n", "--task", "tensors"], "No model can be called 'x\\n'"),
        (["-", "--task", "tensors"], "No model can be called '-'"),
        (["full", "--task", "tensors"], "full is there already, and nothing is overwritten"),
        (["x", "--task", "tensors", "--output", "file"], "Name another one with --output DIR"),
        (["x", "--task", "tensors", "--output", "link"], "link is there already"),
        (["x", "--task", "tensors", "--output", "file/x"], "The source can't be written"),
        (["x", "--task", "text-embedding"], "Give --from DIR, a directory with config.json"),
        (["x", "--task", "text-classification"], "Give --from DIR, a directory with config.json"),
        (["x", "--task", "text-embedding", "--from", "none"], "There is no config.json in none"),
        (["x", "--task", "tensors", "--from", "full"], "takes nothing from a checkpoint: --from full"),
        (["x", "--task", "image-classification", "--from", "full"], "network() in export.py"),
        (["x", "--task", "object-detection", "--from", "full"], "network() in export.py"),
    ],
)
def test_what_can_not_be_begun_is_named_and_leaves_nothing(
    tmp_path: Path,
    arguments: List[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("full").mkdir()
    Path("full", "mine").write_text("mine")
    Path("file").write_text("mine")
    Path("link").symlink_to("nowhere")
    assert main(["new", *arguments]) not in (0, 2)
    assert words in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "full", "link", "mine"]
    assert Path("full", "mine").read_text() == Path("file").read_text() == "mine"


def test_an_empty_directory_is_filled(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    new("near", "text-embedding", tmp_path / "empty", checkpoint)
    assert read(tmp_path / "empty").name == "near"


@pytest.mark.parametrize("task", [name for name in known.NAMES if not name.startswith("text-")])
def test_without_torch_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(Refusal, match="from a lock that holds torch"):
        new("x", task, tmp_path / "source")
    assert not list(tmp_path.iterdir())
