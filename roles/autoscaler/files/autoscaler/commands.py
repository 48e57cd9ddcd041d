"""Run somebody's command, for so long and no longer."""

import subprocess
from typing import Sequence

from autoscaler import Failure


def run(command: Sequence[str], patience_s: float) -> "subprocess.CompletedProcess[str]":
    """The ended command with what it wrote, whatever its exit code. Raises Failure where it does not start or end."""
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=patience_s,
            universal_newlines=True,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(str(error)) from error
