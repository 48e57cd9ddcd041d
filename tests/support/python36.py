"""Run what runs on an EL8 host, under the Python 3.6 that the host has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Ansible packs the project's module_utils together with its own; so does this.
RUN = """import runpy, sys, ansible.module_utils as shared
shared.__path__.append(sys.argv.pop(1))
runpy.run_path(sys.argv.pop(1), run_name="__main__")"""


@cache
def python36() -> str | None:
    """An interpreter: on PATH, else one of pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [shutil.which("python3.6"), *map(str, sorted(pyenv.glob("versions/3.6.*/bin/python")))]
    for candidate in filter(None, candidates):
        if subprocess.run([candidate, "--version"], capture_output=True).returncode == 0:
            return candidate
    return None


def interpreter() -> str:
    found = python36()
    if found is None:
        pytest.skip("no Python 3.6 on this machine, so EL8's platform-python is not covered (pyenv install 3.6.15)")
    return found


def run_module(name: str, arguments: dict[str, Any], *, check_mode: bool = False) -> dict[str, Any]:
    """The answer of a module of plugins/modules, with ansible-core's own module_utils beside it."""
    import ansible

    # AnsibleModule reads its arguments from standard input when none are on the command line.
    request = json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check_mode}})
    # Only Ansible itself: what else the controller's environment holds is for a newer Python.
    with tempfile.TemporaryDirectory() as library:
        Path(library, "ansible").symlink_to(Path(ansible.__file__).parent)
        result = subprocess.run(
            [
                interpreter(),
                "-c",
                RUN,
                str(ROOT / "plugins/module_utils"),
                str(ROOT / "plugins/modules" / f"{name}.py"),
            ],
            input=request,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": library, "PYTHONDONTWRITEBYTECODE": "1"},
        )
    assert result.stdout, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer
