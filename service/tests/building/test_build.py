"""Building refuses what is damaged or wrong, by name, and leaves nothing half done."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
from pathlib import Path
from typing import Any, Callable, List, Tuple

import pytest
from support.colours import write_source
from support.numbers import write_source as numbers

from hotpath.building import build as building
from hotpath.building.build import build
from hotpath.core import ModelError
from hotpath.models.built import BuiltModel, load
from hotpath.tasks import known


def test_the_version_follows_the_content_and_nothing_else(tmp_path: Path) -> None:
    first, _ = build(write_source(tmp_path / "a"), tmp_path / "one")
    same, _ = build(write_source(tmp_path / "b"), tmp_path / "two")
    other, _ = build(write_source(tmp_path / "c", size=8), tmp_path / "two")
    assert first.identity == same.identity
    assert first.identity.version != other.identity.version


def test_a_damaged_build_is_built_again(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source")
    model, _ = build(source, tmp_path / "models")
    (model.directory / "labels.txt").write_text("nonsense\n")
    with pytest.raises(ModelError, match=r"labels\.txt has SHA-256"):
        load(model.directory)
    again, existed = build(source, tmp_path / "models")
    assert not existed
    assert (again.directory / "labels.txt").read_text().startswith("red\n")


def test_a_missing_source_file_is_named(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source")
    (source / "weights.npz").unlink()
    with pytest.raises(ModelError, match=r"weights\.npz is missing"):
        build(source, tmp_path / "models")


def test_a_probe_with_another_label_stops_the_build_and_leaves_nothing(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source")
    description = source / "model.toml"
    description.write_text(description.read_text().replace('accept = ["red"]', 'accept = ["green"]'))
    with pytest.raises(ModelError, match=r"takes probes/red\.png for 'red'.*right would be: green"):
        build(source, tmp_path / "models")
    assert list((tmp_path / "models" / "colours").iterdir()) == []


def test_an_unknown_key_of_the_description_is_named(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source")
    description = source / "model.toml"
    description.write_text('colour = "red"\n' + description.read_text())
    with pytest.raises(ModelError, match=re.escape("colour = 'red'")):
        build(source, tmp_path / "models")


def test_keys_that_contradict_each_other_are_named_without_the_whole_description(tmp_path: Path) -> None:
    source = numbers(tmp_path / "source")
    description = source / "model.toml"
    description.write_text(description.read_text().replace('name = "above"', 'name = "sum"'))
    with pytest.raises(ModelError, match="can't be used: Value error, two tensors are called 'sum'"):
        build(source, tmp_path / "models")


def test_a_directory_that_holds_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"no readable model in {tmp_path}"):
        load(tmp_path)


def test_what_is_there_is_kept_until_it_is_asked_for_again(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source")
    model, _ = build(source, tmp_path / "models")
    number = model.directory.stat().st_ino
    assert build(source, tmp_path / "models")[1]
    assert model.directory.stat().st_ino == number
    _, existed = build(source, tmp_path / "models", again=True)
    assert not existed
    assert model.directory.stat().st_ino != number
    assert [path.name for path in model.directory.parent.iterdir()] == [model.directory.name]


def test_a_model_is_kept_when_it_can_not_be_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_source(tmp_path / "source")
    model, _ = build(source, tmp_path / "models")

    def refuse(*_: object) -> None:
        raise ModelError("No.", "Never.")

    monkeypatch.setattr(building, "_check", refuse)
    with pytest.raises(ModelError, match="No"):
        build(source, tmp_path / "models", again=True)
    assert load(model.directory).identity == model.identity


def test_two_builds_of_one_model_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_source(tmp_path / "source")
    begun, go_on, builds = threading.Event(), threading.Event(), []
    check = building._check

    def wait(model: BuiltModel) -> Any:
        builds.append(model)
        begun.set()
        assert go_on.wait(60)
        return check(model)

    monkeypatch.setattr(building, "_check", wait)
    found: List[Tuple[BuiltModel, bool]] = []
    threads = [
        threading.Thread(target=lambda: found.append(build(source, tmp_path / "models"))) for _ in range(2)
    ]
    threads[0].start()
    assert begun.wait(60)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(builds) == 1
    assert sorted(existed for _, existed in found) == [False, True]


def test_what_a_killed_build_left_goes_with_the_next_one(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source")
    model, _ = build(source, tmp_path / "models")
    left = model.directory.parent / f".{model.identity.version}-abcdefgh"
    shutil.copytree(model.directory, left / model.identity.version)
    build(source, tmp_path / "models")
    assert [path.name for path in model.directory.parent.iterdir()] == [model.directory.name]


def rename(name: str) -> Callable[[Path], None]:
    """Another name for the weights, in the description and on the disk."""

    def change(source: Path) -> None:
        description = source / "model.toml"
        description.write_text(description.read_text().replace('"weights.npz"', f'"{name}"'))
        if not name.startswith("/"):
            (source / "weights.npz").rename(source / name)

    return change


def replace(before: str, after: str) -> Callable[[Path], None]:
    """Another line in the description."""

    def change(source: Path) -> None:
        description = source / "model.toml"
        assert before in description.read_text()
        description.write_text(description.read_text().replace(before, after))

    return change


def overwrite(name: str, content: bytes) -> Callable[[Path], None]:
    """Another file under a name, with the digest that belongs to it."""

    def change(source: Path) -> None:
        before = hashlib.sha256((source / name).read_bytes()).hexdigest()
        (source / name).write_bytes(content)
        replace(before, hashlib.sha256(content).hexdigest())(source)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (rename("model.json"), "the build writes a model.json of its own"),
        (rename("../weights.npz"), r"without '\.\.'"),
        (rename("/etc/hostname"), r"without '\.\.'"),
        (rename("./weights.npz"), r"without '\.\.'"),
        (replace("resize_shorter = 16", "resize_shorter = 8"), "resize_shorter = 8 is less than the 16 x 16"),
        (replace("std = [1.0, 1.0, 1.0]", "std = [1.0, 0.0, 1.0]"), "deviation is above 0"),
        (replace("std = [1.0, 1.0, 1.0]", "std = [1.0, nan, 1.0]"), "deviation is above 0"),
        (lambda source: (source / "model.toml").write_bytes(b'name = "\xff"'), "not valid TOML"),
        (overwrite("probes/red.png", b"no picture"), r"probes/red\.png can't be decoded.*plain text"),
        (overwrite("labels.txt", b"r\xf6d\n" * 6), r"source/labels\.txt can't be read"),
    ],
)
def test_a_source_that_can_not_be_built_is_refused_and_leaves_nothing(
    change: Callable[[Path], Any], words: str, tmp_path: Path
) -> None:
    source = write_source(tmp_path / "source")
    change(source)
    with pytest.raises(ModelError, match=words):
        build(source, tmp_path / "models")
    assert [path for path in (tmp_path / "models").rglob("*") if path.is_file()] == []


def test_a_place_that_can_not_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(ModelError, match=r"can't be written: .*models"):
        build(write_source(tmp_path / "source"), tmp_path / "models")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda directory: (directory / "labels.txt").unlink(), r"incomplete: .*labels\.txt: No such file"),
        (lambda directory: (directory / "labels.txt").write_bytes(b"\xff"), "can't be understood"),
        (lambda directory: (directory / "model.json").write_text('{"format": 2}'), "can't be understood"),
        (lambda directory: amend(directory, files=["labels.txt"]), "can't be understood"),
        (lambda directory: amend(directory, probes=[{}]), "can't be understood"),
    ],
)
def test_a_model_that_is_not_whole_is_named_even_where_its_files_are_not_hashed(
    spoil: Callable[[Path], Any], words: str, tmp_path: Path
) -> None:
    model, _ = build(write_source(tmp_path / "source"), tmp_path / "models")
    spoil(model.directory)
    with pytest.raises(ModelError, match=words):
        known.outline(load(model.directory, verify=False))


def amend(directory: Path, **changes: Any) -> None:
    """Another value in model.json."""
    path = directory / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
