"""Sources of models that a throwaway host builds: the service's own stand-in, and one with a user's own task."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from support.throwaway import PROJECT

READINGS = Path(__file__).with_name("readings")
"""What a user writes into the source that `hotpath new` began; plain.py is no part of it."""
PYTHON = PROJECT / ".cache" / "venv" / "service" / "bin" / "python"
PACKAGES = os.pathsep.join(str(PROJECT / "service" / folder) for folder in ("src", "tests"))


def stand_in(directory: Path, **choices: Any) -> str:
    """The service's stand-in, which tells colours and is built in no time; `choices` are those of its write_source."""
    write = "from pathlib import Path; from support.colours import write_source"
    _python("-c", f"{write}; write_source(Path({str(directory)!r}), **{choices!r})")
    return str(directory)


def own_task(directory: Path) -> str:
    """A model with a task of a user's own, made in the steps of docs/models.md."""
    _python("-m", "hotpath", "new", "readings", "--task", "tensors", "--output", directory)
    shutil.rmtree(directory / "probes")
    shutil.copytree(READINGS, directory, ignore=shutil.ignore_patterns("plain.py", "__pycache__"), dirs_exist_ok=True)
    train(directory, seed=1)
    return str(directory)


def train(directory: Path, seed: int) -> None:
    """Make other weights, and another version of the model with them."""
    _python(directory / "task.py", str(seed))
    _python("-m", "hotpath", "digest", directory)


def plain_answers(directory: Path, bodies: list[str]) -> list[dict[str, Any]]:
    """What the model with a user's own task says of each request, by numpy alone."""
    told = _python(READINGS / "plain.py", directory / "weights.pt", text="\n".join(bodies))
    return [json.loads(line) for line in told.splitlines()]


def _python(*arguments: str | Path, text: str = "") -> str:
    """What a Python says that has torch and the service of this checkout."""
    done = subprocess.run(
        [PYTHON, "-W", "ignore", *arguments],
        input=text,
        env={**os.environ, "PYTHONPATH": PACKAGES},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
