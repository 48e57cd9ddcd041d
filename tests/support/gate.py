"""The autoscaler's word to a balancer, as the role installs it, without ssh before it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from support.expected import PROJECT

MODULES = ("haproxy_runtime", "rotation", "rotation_change", "rotation_record")


def gate(folder: Path, root: Path) -> list[str]:
    """The command to which a balancer's address and words are added; `root` is before the balancer's paths."""
    shared = folder / "gate" / "ansible" / "module_utils"
    shared.mkdir(parents=True, exist_ok=True)
    for package in (shared, shared.parent):
        (package / "__init__.py").touch()
    for name in MODULES:
        shutil.copy(PROJECT / "plugins" / "module_utils" / f"{name}.py", shared)
    program = shutil.copy(PROJECT / "roles" / "autoscaler" / "files" / "rotation-gate.py", folder / "gate")
    return ["sh", "-c", f'shift; HOTPATH_ROOT={root} exec {sys.executable} {program} "$*"', "gate"]
