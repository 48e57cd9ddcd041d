"""Building refuses what is damaged or wrong, by name, and leaves nothing half done."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.colours import write_source

from hotpath.models.build import build
from hotpath.models.built import ModelError, load


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
    assert load(again.directory).labels[0] == "red"


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


def test_a_directory_that_holds_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"no readable model in {tmp_path}"):
        load(tmp_path)
