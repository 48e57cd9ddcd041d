"""`hotpath digest`: the SHA-256 of every file of a source, written into its model.toml."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from hotpath.core import ModelError
from hotpath.models.built import digest
from hotpath.models.source import DESCRIPTION

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_VALUE = re.compile(
    r"""(?:\bsha256|"sha256"|'sha256')[ \t]*=[ \t]*"""
    r"""(?:"(?P<basic>(?:[^"\\\n]|\\.)*)"(?!")|'(?P<literal>[^'\n]*)'(?!'))"""
)
"""What looks like a digest's key and value. It may stand in a comment or in a text too."""

_MARK = "of-file-"
"""What stands for the values while it is found out whose they are."""

_SHOWN = 12


def refresh(directory: Path) -> List[str]:
    """Write into model.toml the SHA-256 of the files as they are now; what changed, a phrase for each.

    Comments, order and spacing stay as they are. Raises ModelError where model.toml can't be read, or names
    what is not there; nothing is written then.
    """
    path = directory / DESCRIPTION
    text = _read(path)
    changes = []
    for (start, end), file in reversed(list(_places(path, text))):  # places before the change stay valid
        before, now = text[start:end], _digest(directory, file)
        if now != before:
            text = text[:start] + now + text[end:]
            changes.append(f"{file}: {now[:_SHOWN]}..." + (f", was {before[:_SHOWN]}..." if before else ""))
    if changes:
        _write(path.resolve(), text)
    return changes[::-1]


def _read(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8")  # line endings stay what they are
        tomllib.loads(text)
    except OSError as error:
        raise ModelError(
            f"There is no model source in {path.parent}: {path}: {error.strerror}.",
            f"Name a directory that holds {DESCRIPTION}, or make one with `hotpath new`.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is not valid TOML: {error}.", "Correct that line.") from error
    return text


def _places(path: Path, text: str) -> Iterator[Tuple[Tuple[int, int], str]]:
    """Where in the text the digest of which file stands, in order.

    Each value that may be one is marked, and the parser tells in which table the mark has come to stand: a
    comment brings it nowhere.
    """
    spans = [match.span(match.lastgroup or 0) for match in _VALUE.finditer(text)]
    marked, end = "", 0
    for number, span in enumerate(spans):
        marked += f"{text[end : span[0]]}{_MARK}{number}"
        end = span[1]
    document = tomllib.loads(marked + text[end:])
    document.pop("sources", None)  # they name files a second time, without digests
    files: Dict[str, str] = {}
    for table in _tables(document):
        file, mark = table["file"], str(table.get("sha256", ""))
        if not mark.startswith(_MARK):
            raise ModelError(
                f"{path} names {file} without a digest.", f'Write sha256 = "" beside file = "{file}".'
            )
        files[mark] = file
    for number, span in enumerate(spans):
        if f"{_MARK}{number}" in files:
            yield span, files[f"{_MARK}{number}"]


def _tables(value: Any) -> Iterator[Dict[str, Any]]:
    """Every table that names a file."""
    if isinstance(value, dict):
        if isinstance(value.get("file"), str):
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _tables(one)


def _digest(directory: Path, file: str) -> str:
    try:
        return digest(directory / file)
    except OSError as error:
        raise ModelError(
            f"{directory / DESCRIPTION} names {file}, which can't be read: {error.strerror}.",
            "Put the file there, or correct its name.",
        ) from error


def _write(path: Path, text: str) -> None:
    """The whole file, or none of it."""
    try:
        with tempfile.TemporaryDirectory(prefix=".hotpath-", dir=path.parent) as temporary:
            half = Path(temporary) / path.name
            half.write_bytes(text.encode("utf-8"))
            shutil.copymode(path, half)
            os.replace(half, path)
    except OSError as error:
        raise ModelError(
            f"{path} can't be written: {error.strerror}.", f"Let this user write in {path.parent}."
        ) from error
