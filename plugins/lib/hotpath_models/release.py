"""What this release of the service can build, read from its sources: the controller has none of its libraries."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# Names that a task gives networks which are in none of the modules of models/architectures.
OWN_NETWORKS = ("torchscript", "numeric")


@dataclass(frozen=True)
class Release:
    """Tasks by the names that model.toml gives them, and architectures. Empty ones are not judged."""

    bundled: Path
    """The folders of models that come with it"""
    tasks: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    judged_tasks: tuple[str, ...] = ("image-classification",)
    """Those whose architectures are the ones above; another task judges its own at the build"""

    @classmethod
    def of(cls, service: Path) -> Release:
        """Of the source tree of the service."""
        package = service / "src" / "hotpath"
        architectures = _keys(package / "models" / "architectures" / "__init__.py", "ARCHITECTURES")
        return cls(
            service / "models",
            _keys(package / "tasks" / "known.py", "_PACKAGES"),
            (*architectures, *OWN_NETWORKS) if architectures else (),
        )


@cache
def _keys(module: Path, table: str) -> tuple[str, ...]:
    """The keys of a dictionary that a module assigns at its top; none where it does not."""
    try:
        body = ast.parse(module.read_text(encoding="utf-8")).body
    except OSError:
        return ()
    for statement in body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        named = any(isinstance(target, ast.Name) and target.id == table for target in targets)
        if named and isinstance(value := getattr(statement, "value", None), ast.Dict):
            return tuple(
                key.value for key in value.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
            )
    return ()
