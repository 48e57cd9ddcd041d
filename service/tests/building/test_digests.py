"""`hotpath digest` writes digests and nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, List, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.colours import write_source

from hotpath.building.build import build
from hotpath.building.digests import refresh
from hotpath.cli import main
from hotpath.core import ModelError

FILES = ("weights.bin", "probes/a b.png", "sha256")
DIGESTS = {name: hashlib.sha256(name.encode()).hexdigest() for name in FILES}

space = st.sampled_from(["", " ", "  ", "\t"])
value = st.sampled_from([*DIGESTS.values(), "0" * 64, "", "TODO", "of-file-0"])
remark = st.sampled_from(
    [
        "",
        '# sha256 = "of a comment"',
        "# sha256 = ''",
        '# sha256 = "half',
        "# [weights] it's",
        "# é \U0001f600",
    ]
)
form = st.sampled_from(
    [
        '[{table}]\nfile = "{file}"\n{key}{a}={b}{value}{c}{remark}\n',
        '[{table}]{a}{remark}\n{key} = {value}\nfile = "{file}"{b}{remark}\n',
        '[[{table}]]\naccept = ["x"]\n\n{a}{key}{b}={c}{value}\nfile = "{file}"\n',
        '[more.{table}]{remark}\none = {{ file = "{file}", {key}{a}={b}{value}{c}}} {remark}\n',
        '[{table}]\nmany = [{remark}\n  {{{a}{key} = {value}, file = "{file}"{b}}},\n]\n',
        '[more]\n{table}.file = "{file}"\n{table}.{key}{a}={b}{value}{c}{remark}\n',
        '[{table}]\nfile = "{file}"\nnote = \'{key} = "x"\'\n{key} = {value}\nl = """\nsha256 = \'x\'\n"""\n',
    ]
)
key = st.sampled_from(["sha256", '"sha256"', "'sha256'"])
quote = st.sampled_from(["'", '"'])
entry = st.tuples(form, st.sampled_from(FILES), key, value, quote, st.tuples(space, space, space), remark)


def source(directory: Path, text: str) -> Path:
    """A source of these files."""
    (directory / "probes").mkdir(parents=True)
    for name in FILES:
        (directory / name).write_bytes(name.encode())
    (directory / "model.toml").write_bytes(text.encode())
    return directory


@given(st.lists(entry, min_size=1, max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_only_digests_change(
    tmp_path_factory: pytest.TempPathFactory, entries: Sequence[Any], ends: str
) -> None:
    before, after, right = "", "", []
    for number, (pattern, file, key, value, quote, (a, b, c), remark) in enumerate(entries):
        words = dict(table=f"t{number}", file=file, key=key, a=a, b=b, c=c, remark=remark)
        if pattern.startswith("[more]"):
            pattern = pattern.replace("[more]", f"[more{number}]")
        if "'{key}" in pattern and "'" in key:
            words["key"] = "sha256"
        before += pattern.format(value=f"{quote}{value}{quote}", **words)
        after += pattern.format(value=f"{quote}{DIGESTS[file]}{quote}", **words)
        right.append(value == DIGESTS[file])
    directory = source(tmp_path_factory.mktemp("digests") / "source", before.replace("\n", ends))
    assert len(refresh(directory)) == right.count(False)
    assert (directory / "model.toml").read_bytes() == after.replace("\n", ends).encode()
    assert refresh(directory) == []
    assert {path.name for path in directory.iterdir()} == {"model.toml", "probes", "weights.bin", "sha256"}


def test_an_edited_file_builds_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = write_source(tmp_path / "source")
    labels = directory / "labels.txt"
    labels.write_text(labels.read_text().replace("grey", "gray"))
    with pytest.raises(ModelError, match=r"labels\.txt has SHA-256") as caught:
        build(directory, tmp_path / "models")
    assert f"`hotpath digest {directory}`" in caught.value.remedy
    assert main(["digest", str(directory)]) == 0
    now = hashlib.sha256(labels.read_bytes()).hexdigest()
    assert capsys.readouterr().out.startswith(f"labels.txt: {now[:12]}..., was ")
    build(directory, tmp_path / "models")
    assert main(["digest", str(directory)]) == 0
    assert "right already" in capsys.readouterr().out


def test_an_empty_digest_is_no_riddle(tmp_path: Path) -> None:
    directory = write_source(tmp_path / "source")
    toml = directory / "model.toml"
    digest = hashlib.sha256((directory / "labels.txt").read_bytes()).hexdigest()
    toml.write_text(toml.read_text().replace(digest, ""))
    with pytest.raises(ModelError, match=r"labels\.sha256") as caught:
        build(directory, tmp_path / "models")
    assert f"`hotpath digest {directory}`" in caught.value.remedy


def test_files_may_be_links_and_the_mode_stays(tmp_path: Path) -> None:
    directory = source(tmp_path / "source", "")
    real = tmp_path / "real.toml"
    real.write_text('[weights]\nfile = "sha256"\nsha256 = ""\n')
    real.chmod(0o640)
    (directory / "model.toml").unlink()
    (directory / "model.toml").symlink_to(real)
    assert refresh(directory) == [f"sha256: {DIGESTS['sha256'][:12]}..."]
    assert (directory / "model.toml").is_symlink()
    assert DIGESTS["sha256"] in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (['[weights]\nfile = "none.bin"\nsha256 = ""'], "names none.bin, which can't be read: No such file"),
        (['[weights]\nfile = "probes"\nsha256 = ""'], "names probes, which can't be read: Is a directory"),
        (['[[probes]]\nfile = "sha256"'], "names sha256 without a digest"),
        (['[weights]\nfile = "sha256"\nsha256 = 5'], "names sha256 without a digest"),
        (['[weights]\nfile = "sha256"\nsha256 = """x"""'], "names sha256 without a digest"),
        (["name = "], "is not valid TOML"),
    ],
)
def test_what_can_not_be_written_is_named_and_nothing_is(
    tmp_path: Path, lines: List[str], words: str
) -> None:
    text = "\n".join(['[head]\nfile = "weights.bin"\nsha256 = ""', *lines])
    directory = source(tmp_path / "source", text)
    with pytest.raises(ModelError) as caught:
        refresh(directory)
    assert words in caught.value.message
    assert caught.value.remedy
    assert (directory / "model.toml").read_text() == text


def test_where_files_come_from_needs_no_digest(tmp_path: Path) -> None:
    text = '[[sources]]\nfile = "sha256"\n[weights]\nfile = "sha256"\nsha256 = "{}"\n'
    directory = source(tmp_path / "source", text.format(""))
    refresh(directory)
    assert (directory / "model.toml").read_text() == text.format(DIGESTS["sha256"])


def test_a_directory_without_a_source_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["digest", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert f"There is no model source in {tmp_path}" in error
    assert "hotpath new" in error
