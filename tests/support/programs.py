"""Programs of the roles' files as modules: their names hold dashes, which an import can't say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

PROJECT = Path(__file__).resolve().parents[2]


def program(role: str, name: str) -> ModuleType:
    """The program `name` of a role's files."""
    path = PROJECT / "roles" / role / "files" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
