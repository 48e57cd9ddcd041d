"""`hotpath build` with a weights file alone: what it needs to be told, what it refuses, what comes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, List

import pytest
from support.colours import picture, write_source

from hotpath.cli import main

torch = pytest.importorskip("torch", reason="this Python has no torch; this is tested on the other one")

from support.networks import small  # noqa: E402

from hotpath.models.built import load  # noqa: E402

CLASSES = 1000


@pytest.fixture(scope="module")
def network() -> Any:
    return small(CLASSES)


@pytest.fixture
def room(network: Any, tmp_path: Path) -> Path:
    traced = torch.jit.trace(network, torch.zeros(1, 3, 224, 224))
    torch.jit.save(traced, str(tmp_path / "net.pt"))
    (tmp_path / "red.png").write_bytes(picture("red", size=(300, 280)))
    return tmp_path


def label_of(network: Any) -> str:
    """What the network takes a red image for."""
    from hotpath.tasks.classification.describing import _IMAGENET_LABELS, PREPROCESSING

    shape = PREPROCESSING["imagenet"]
    red = torch.tensor([255.0, 0.0, 0.0])
    normal = (red - torch.tensor(shape["mean"])) / torch.tensor(shape["std"])
    with torch.no_grad():
        best = int(network(normal.view(1, 3, 1, 1).expand(1, 3, 224, 224)).argmax())
    return _IMAGENET_LABELS.read_text().splitlines()[best]


def run(room: Path, *more: str) -> int:
    return main(["build", "--output", str(room / "models"), "--json", *more])


def told(room: Path, label: str) -> List[str]:
    photograph = f"{room / 'red.png'}={label}"
    return ["--labels", "imagenet", "--preprocessing", "imagenet", "--probe", photograph]


def test_a_torchscript_file_becomes_a_model(
    network: Any, room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--torchscript", str(room / "net.pt"), *told(room, label_of(network))]
    assert run(room, *command, "--name", "mine", "--precision", "auto") == 0
    first = json.loads(capsys.readouterr().out)
    assert first["name"] == "mine"
    assert first["changed"]
    model = load(Path(first["path"]))
    assert model.architecture == "torchscript"
    assert len((model.directory / model.document["labels"]).read_text().splitlines()) == CLASSES
    assert model.document["check"]["largest_difference"]["torchscript"] <= 1e-3
    assert "the eager float32 model on the probes" in (model.directory / "report.txt").read_text()
    assert run(room, *command, "--name", "mine") == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["version"], again["changed"]) == (first["version"], False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Name either a SOURCE directory"),
        (["SOURCE", "--torchscript", "net.pt"], "takes one model"),
        (["SOURCE", "--labels", "imagenet"], "--labels can't go with SOURCE"),
        (["--state-dict", "net.pt"], "says nothing of --architecture, --labels, --preprocessing, --probe"),
        (["--torchscript", "net.pt", "--architecture", "resnet50"], "Leave out --architecture"),
        (["--torchscript", "none.pt", "TOLD"], "The weights none.pt can't be read (No such file"),
        (["--torchscript", "red.png", "TOLD"], "can't be read"),
        (["--torchscript", "net.pt", "TOLD", "--labels", "few.txt"], "its labels ask for shape (2, 2)"),
        (["--torchscript", "net.pt", "TOLD", "--probe", "red.png"], "--probe 'red.png' names no label"),
        (["--torchscript", "net.pt", "TOLD", "--probe", "red.png=cat"], "'cat' is none of the 1000 labels"),
        (["--state-dict", "net.pt", "TOLD", "--architecture", "vgg"], "There is no architecture 'vgg'"),
    ],
)
def test_what_does_not_fit_is_named(
    network: Any,
    room: Path,
    arguments: List[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(room)
    (room / "few.txt").write_text("one\ntwo\n")
    write_source(room / "SOURCE")
    label = "one" if "few.txt" in arguments else label_of(network)
    expanded = [word for item in arguments for word in (told(Path(), label) if item == "TOLD" else [item])]
    assert run(room, *expanded) != 0
    assert words in capsys.readouterr().err
    assert not list((room / "models").glob("*/*"))


def test_a_precision_that_can_not_be_had_is_refused_with_the_reason(
    network: Any, room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from hotpath.models.lowering import fused

    monkeypatch.setattr(fused, "processor_flags", lambda: frozenset({"avx2"}))
    command = ["--torchscript", str(room / "net.pt"), *told(room, label_of(network))]
    assert run(room, *command, "--precision", "int8") != 0
    error = capsys.readouterr().err
    assert "can't be built in int8 for a processor" in error
    assert "has none of amx_int8" in error or "has no operator" in error
