"""`hotpath new`: a source that builds, for people to put their own model into."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Optional

from hotpath.building.digests import refresh
from hotpath.core import ModelError, Refusal
from hotpath.models.source import NAME
from hotpath.tasks import known


def new(name: str, task: str, directory: Path, checkpoint: Optional[Path] = None) -> None:
    """Write the source into `directory`, which appears whole or not at all.

    `checkpoint`: where somebody else's weights lie, for tasks that begin with those. Raises ModelError or
    Refusal.
    """
    if task not in known.NAMES:
        raise Refusal(
            f"There is no task {task!r}.", f"Give --task one of those there are: {', '.join(known.NAMES)}."
        )
    if not re.fullmatch(NAME, name):
        raise Refusal(
            f"No model can be called {name!r}.",
            "A name has letters, digits, '_', '.' and '-', and begins with a letter or a digit.",
        )
    directory = directory.absolute()
    if os.path.lexists(directory) and not (directory.is_dir() and not any(directory.iterdir())):
        raise Refusal(
            f"{directory} is there already, and nothing is overwritten.",
            "Name another one with --output DIR.",
        )
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".hotpath-", dir=directory.parent) as temporary:
            half = Path(temporary) / directory.name
            half.mkdir()
            known.scaffold(task).write(name, half, checkpoint)
            refresh(half)
            half.rename(directory)  # onto one that is empty at most
    except ImportError as error:
        raise Refusal(
            f"To make a source of {task} needs what can't be imported here: {error}.",
            "Install the service from a lock that holds torch, with the extra text for texts.",
        ) from error
    except OSError as error:
        raise ModelError(
            f"The source can't be written: {error.filename or directory}: {error.strerror or error}.",
            f"Give {directory.parent} room, and let this user write there; or name another --output.",
        ) from error
