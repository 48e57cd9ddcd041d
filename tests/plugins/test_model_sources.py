"""A model's source on the controller: where it lies, what it says, and what this release can build."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from hotpath_models import Release, SourceError, locate, needed_mib, read, renamed
from support.sources import write_source
from support.surveys import RELEASE


def test_what_a_directory_says(tmp_path: Path) -> None:
    source = read(write_source(tmp_path / "net", name="net"))
    assert (source.name, source.task, source.architecture) == ("net", "image-classification", "resnet50")
    assert source.missing == [] and not source.assembled
    assert source.weights_bytes == 1000 and source.input_numbers == 3 * 224 * 224


def test_an_archive_says_the_same(tmp_path: Path) -> None:
    directory = write_source(tmp_path / "net")
    for prefix in ("", "./"):
        with tarfile.open(tmp_path / "net.tar", "w") as tar:
            for path in sorted(directory.iterdir()):
                tar.add(path, f"{prefix}{path.name}")
        assert read(tmp_path / "net.tar").sizes == read(directory).sizes


def test_a_source_from_packages_is_there_before_its_files_are() -> None:
    source = read(locate("efficientnet_lite0", RELEASE.bundled))
    assert source.assembled and source.weights_bytes == 0 and "weights.pth" in source.missing


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nothing", "'nothing' is no model of this release Choose among efficientnet_lite0"),
        ("models/net", "relative path Write the whole path"),
        ("/not/there", "does not exist on the controller"),
    ],
)
def test_a_source_that_is_not_there(source: str, words: str) -> None:
    with pytest.raises(SourceError) as caught:
        locate(source, RELEASE.bundled)
    assert words in f"{caught.value} {caught.value.remedy}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "not valid TOML"),
        ('name = "net"\n', "lacks task, architecture, weights.file"),
        ('name = 3\ntask = "t"\narchitecture = "a"\nweights = {file = "w"}\n', "lacks name"),
    ],
)
def test_a_description_that_cannot_be_used(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "model.toml").write_text(text)
    with pytest.raises(SourceError, match=words):
        read(tmp_path)


def test_what_is_no_source_at_all(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no archive")
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(SourceError, match="can't be read"):
            read(path)


def test_another_name_changes_nothing_else(tmp_path: Path) -> None:
    source = read(write_source(tmp_path, name="net"))
    text = renamed(source, "second")
    assert text == source.text.replace('name = "net"', 'name = "second"')
    assert renamed(source, "net") is source.text


def test_a_name_that_cannot_be_changed_by_itself(tmp_path: Path) -> None:
    write_source(tmp_path)
    text = (tmp_path / "model.toml").read_text().replace('name = "net"\n', '"name" = "net"\n')
    (tmp_path / "model.toml").write_text(text)
    with pytest.raises(SourceError, match="can't be given the name second"):
        renamed(read(tmp_path), "second")


def test_the_release_is_read_from_its_sources(tmp_path: Path) -> None:
    assert "image-classification" in RELEASE.tasks
    assert {"efficientnet_lite0", "resnet50", "torchscript", "numeric"} <= set(RELEASE.architectures)
    empty = Release.of(tmp_path)
    assert (empty.tasks, empty.architectures) == ((), ())


def test_memory_grows_with_weights_and_batch() -> None:
    small = needed_mib(10 << 20, 3 * 224 * 224, 8)
    assert needed_mib(110 << 20, 3 * 224 * 224, 8) - small == 150
    assert needed_mib(10 << 20, 3 * 224 * 224, 16) - small == pytest.approx(8 * 9.1875, abs=1)
    assert needed_mib(10 << 20, 0, 8) == 500 + 15 + 10
