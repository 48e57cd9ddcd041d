"""What operators do to a running service, and versions of models for it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.server import PATIENCE_S, python_environment


def operate(command: str, config: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run one of the commands that ask the service of this configuration."""
    return subprocess.run(
        [sys.executable, "-m", "hotpath", command, "--config", str(config), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=python_environment(),
        check=False,
        timeout=PATIENCE_S,
    )


def rewritten(version: Path, target: Path, **changes: Any) -> Path:
    """A version whose description was changed after it was built; its files are what they were."""
    shutil.copytree(version, target)
    document = json.loads((target / "model.json").read_text())
    (target / "model.json").write_text(json.dumps({**document, "version": target.name, **changes}))
    return target
