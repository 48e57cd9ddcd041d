"""Runs the checks one after another, each in a process of its own that may hang, crash or be ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping

from gpu.checks import NEEDS

WHOLE_S = 450.0
"""All checks together."""
PASSED, FAILED, NOT_RUN = "passed", "failed", "not run"
_MOST_REASON = 400


@dataclass
class Outcome:
    """Of one check."""

    name: str
    state: str
    seconds: float = 0.0
    reason: str = ""
    """Why it failed, or was not run."""
    found: Any = None


def run_all(lacks: Mapping[str, str], room: Path, whole: float = WHOLE_S) -> List[Outcome]:
    """Every check, or why it was not run; `lacks` says what this machine has not."""
    outcomes: Dict[str, Outcome] = {}
    ends = time.monotonic() + whole
    for name, (most, needs) in NEEDS.items():
        missing = [lacks[need] for need in needs if need in lacks]
        missing += [
            f"the check {need} has not passed"
            for need in needs
            if need in outcomes and not _passed(outcomes[need])
        ]
        left = ends - time.monotonic()
        if missing:
            outcomes[name] = Outcome(name, NOT_RUN, reason=missing[0])
        elif left < 1:
            outcomes[name] = Outcome(name, NOT_RUN, reason=f"the {whole:.0f} s for all checks are over")
        else:
            outcomes[name] = _run(name, room, min(most, left))
    return list(outcomes.values())


def _passed(outcome: Outcome) -> bool:
    return outcome.state == PASSED


def _run(name: str, room: Path, most: float) -> Outcome:
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "gpu", "--check", name, "--room", str(room)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate(timeout=most)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # with a service that it may have started
        process.communicate()
        return Outcome(name, FAILED, time.monotonic() - started, f"was not done after {most:.0f} s")
    seconds = time.monotonic() - started
    (room / f"{name}.log").write_text(stderr)
    if process.returncode == 0:
        return Outcome(name, PASSED, seconds, found=json.loads(stdout.splitlines()[-1]))
    last = (stderr.strip().splitlines() or [f"ended with {process.returncode}"])[-1]
    return Outcome(name, FAILED, seconds, last[:_MOST_REASON])
