"""Reads a model source directory: model.toml as its task says, and every file that it names."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Dict, Type

from pydantic import ValidationError

from hotpath.core import ModelError
from hotpath.models.built import damaged_files
from hotpath.models.source import DESCRIPTION, Source
from hotpath.tasks import known

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read(directory: Path) -> Source:
    """Read model.toml and check every file it names. Raises ModelError."""
    path = directory / DESCRIPTION
    try:
        document: Dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        source: Source = _table(path, document).model_validate(document)
    except OSError as error:
        raise ModelError(
            f"There is no model source in {directory}: {path}: {error.strerror}.",
            f"Name a directory that holds {DESCRIPTION} and the files it lists.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is not valid TOML: {error}.", "Correct that line.") from error
    except ValidationError as error:
        problems = [
            (".".join(map(str, item["loc"])) + f" = {item['input']!r}: " if item["loc"] else "") + item["msg"]
            for item in error.errors()
        ]
        is_digest = any(item["loc"][-1:] == ("sha256",) for item in error.errors())
        remedy = f"Correct these keys{_digests(directory) if is_digest else ''}."
        raise ModelError(f"{path} can't be used: {'; '.join(problems)}.", remedy) from error
    damaged = damaged_files(directory, source.files)
    if damaged:
        raise ModelError(
            f"The model source {directory} does not match its {DESCRIPTION}: {'; '.join(damaged)}.",
            "Bring back the files that it names, or assemble the source directory again"
            f"{_digests(directory)}.",
        )
    return source


def _digests(directory: Path) -> str:
    return f"; where the files are as they should be, `hotpath digest {directory}` writes their digests"


def _table(path: Path, document: Dict[str, Any]) -> Type[Source]:
    """What model.toml must look like. Raises ModelError."""
    name = document.get("task")
    if name not in known.NAMES:
        raise ModelError(
            f"{path} can't be used: task = {name!r}, and this release knows: {', '.join(known.NAMES)}.",
            "Correct that key.",
        )
    table: Type[Source] = known.recipe(name).source
    return table
