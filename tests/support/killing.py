"""Plays that are killed without warning."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import Any

from support.throwaway import PROJECT, Throwaway, play_command


@dataclass(frozen=True)
class Run:
    """What a play said, and when each of its tasks began (seconds of the monotonic clock)."""

    code: int
    output: str
    begun: list[tuple[float, str]]


@dataclass(frozen=True)
class Kill:
    """A moment of the play: seconds after the heading of a task, given by its number from 1 or by a part of it."""

    task: int | str
    after_s: float

    def is_at(self, number: int, heading: str) -> bool:
        return self.task == number if isinstance(self.task, int) else self.task in heading


def run(host: Throwaway, playbook: str, *options: str, kill: Kill | None = None, **variables: Any) -> Run:
    """Run a play; at the moment, or when its task ends earlier, every process of it is killed."""
    process = subprocess.Popen(
        play_command(playbook, *options, **variables),
        cwd=PROJECT,
        env={**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "HOTPATH_DEMO_HOSTS": host.name},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )

    def end() -> None:
        os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(kill.after_s if kill else 0, end)
    lines: list[str] = []
    begun: list[tuple[float, str]] = []
    waiting = kill is not None
    assert process.stdout is not None
    try:
        for line in process.stdout:
            lines.append(line)
            if not line.startswith(("TASK [", "PLAY RECAP")):
                continue
            begun.append((time.monotonic(), line.strip("* \n")))
            if kill and waiting and kill.is_at(len(begun), begun[-1][1]):
                waiting = False
                timer.start()
            elif kill and not waiting:
                end()
    finally:
        timer.cancel()
        if process.poll() is None and kill is None:
            end()
        process.wait()
    return Run(process.returncode, "".join(lines), begun)
