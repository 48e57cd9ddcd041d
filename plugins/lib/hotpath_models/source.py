"""A model's source on the controller: a folder of service/models, a directory, or an archive of one."""

from __future__ import annotations

import re
import tarfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DESCRIPTION = "model.toml"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""As `hotpath build` wants it."""


class SourceError(ValueError):
    """A source that can't be used; `remedy` is the way out."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True)
class Source:
    """What model.toml says, and the files that it names."""

    path: Path
    text: str
    document: Mapping[str, Any]
    sizes: Mapping[str, int]
    """Bytes of each named file that is there"""

    @property
    def name(self) -> str:
        return str(self.document["name"])

    @property
    def task(self) -> str:
        return str(self.document["task"])

    @property
    def architecture(self) -> str:
        return str(self.document["architecture"])

    @property
    def files(self) -> dict[str, str]:
        """The digest of every file that the build reads: each table of model.toml with both `file` and `sha256`."""
        return dict(_files({key: value for key, value in self.document.items() if key != "sources"}))

    @property
    def missing(self) -> list[str]:
        return sorted(set(self.files) - set(self.sizes))

    @property
    def assembled(self) -> bool:
        """Whether its files come from packages, as scripts/model_source.py gets them."""
        return bool(self.document.get("sources"))

    @property
    def weights_bytes(self) -> int:
        """0 where the file is not there yet."""
        return self.sizes.get(str(self.document["weights"]["file"]), 0)

    @property
    def input_numbers(self) -> int:
        """Numbers in one item, 0 where model.toml does not say it in pixels."""
        given = self.document.get("preprocessing", {})
        height, width = given.get("height", 0), given.get("width", 0)
        return 3 * height * width if isinstance(height, int) and isinstance(width, int) else 0


def locate(source: str, bundled: Path) -> Path:
    """Where a source lies; `bundled` holds the folders that go by their name alone. Raises SourceError."""
    if "/" not in source:
        if not (bundled / source / DESCRIPTION).is_file():
            known = ", ".join(sorted(path.parent.name for path in bundled.glob(f"*/{DESCRIPTION}"))) or "none"
            raise SourceError(
                f"{source!r} is no model of this release",
                f"Choose among {known}, or write the whole path of a directory or archive on the controller.",
            )
        return bundled / source
    path = Path(source).expanduser()
    if not path.is_absolute():
        raise SourceError(
            f"the source {source} is a relative path",
            "Write the whole path on the controller, for example '{{ inventory_dir }}/models/NAME'.",
        )
    if not path.exists():
        raise SourceError(f"the source {source} does not exist on the controller", "Correct the path.")
    return path


def read(path: Path) -> Source:
    """What a directory or an archive says of its model. Raises SourceError."""
    try:
        text, sizes = _in_archive(path) if path.is_file() else _in_directory(path)
        document = tomllib.loads(text)
    except (OSError, KeyError, tarfile.TarError) as error:
        reason = getattr(error, "strerror", None) or f"it has no {DESCRIPTION} at its top"
        raise SourceError(
            f"the source {path} can't be read: {reason}",
            f"It is a directory, or a tar archive of one, with a {DESCRIPTION}; see docs/models.md.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}/{DESCRIPTION} is not valid TOML: {error}", "Correct that line.") from error
    wrong = [key for key in ("name", "task", "architecture") if not isinstance(document.get(key), str)]
    weights = document.get("weights")
    wrong += [] if isinstance(weights, dict) and isinstance(weights.get("file"), str) else ["weights.file"]
    if wrong:
        raise SourceError(
            f"{path}/{DESCRIPTION} lacks {', '.join(wrong)}", "Complete it; docs/models.md shows one that is whole."
        )
    files = Source(path, text, document, {}).files
    return Source(path, text, document, {file: size for file, size in sizes.items() if file in files})


def renamed(source: Source, name: str) -> str:
    """The text of model.toml with another name. Raises SourceError where it can't be changed by itself."""
    if name == source.name:
        return source.text
    head, table, rest = _split(source.text)
    text = re.sub(r'^(\s*name\s*=\s*)("[^"]*"|\'[^\']*\')', rf'\g<1>"{name}"', head, count=1, flags=re.MULTILINE)
    whole = text + table + rest
    if tomllib.loads(whole) != {**source.document, "name": name}:
        raise SourceError(
            f"{source.path}/{DESCRIPTION} can't be given the name {name}",
            'Write name = "..." on a line of its own, before the first table.',
        )
    return whole


def _split(text: str) -> tuple[str, str, str]:
    """What stands before the first table, its first bracket, and the rest."""
    first = re.search(r"^\s*\[", text, re.MULTILINE)
    return (text[: first.start()], first[0], text[first.end() :]) if first else (text, "", "")


def _files(part: Any) -> Iterator[tuple[str, str]]:
    if isinstance(part, dict):
        if isinstance(part.get("file"), str) and isinstance(part.get("sha256"), str):
            yield part["file"], part["sha256"]
        for value in part.values():
            yield from _files(value)
    elif isinstance(part, list):
        for value in part:
            yield from _files(value)


def _in_directory(path: Path) -> tuple[str, dict[str, int]]:
    text = (path / DESCRIPTION).read_text(encoding="utf-8")
    names = _named(text)
    return text, {name: (path / name).stat().st_size for name in names if (path / name).is_file()}


def _named(text: str) -> list[str]:
    """Names of files, as far as they lie in the source."""
    names = (name for name, _ in _files(tomllib.loads(text)))
    return [name for name in names if not Path(name).is_absolute() and ".." not in Path(name).parts]


def _in_archive(path: Path) -> tuple[str, dict[str, int]]:
    with tarfile.open(path) as tar:
        members = {member.name.removeprefix("./"): member for member in tar if member.isfile()}
        content = tar.extractfile(members[DESCRIPTION])
        assert content is not None  # it is a file
        return content.read().decode(), {name: member.size for name, member in members.items()}
