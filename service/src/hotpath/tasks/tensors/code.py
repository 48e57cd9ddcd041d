"""The code that a user's model brings along."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from hotpath.core import ModelError

_REMEDY = "Correct the code that model.toml names, and build again."


def load(file: Path) -> ModuleType:
    """Run the file as a module of its own. Raises ModelError."""
    spec = importlib.util.spec_from_file_location(f"hotpath_code_{file.parent.name}", file)
    if spec is None or spec.loader is None:
        raise ModelError(f"{file} is no Python file.", _REMEDY)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever it does
        raise ModelError(f"{file} can't be run: {type(error).__name__}: {error}.", _REMEDY) from error
    return module


def attribute(file: Path, name: str, why: str) -> object:
    """What the file calls so. Raises ModelError."""
    found = getattr(load(file), name, None)
    if found is None:
        raise ModelError(f"{file} has no {name!r}, {why}.", _REMEDY)
    return found
