"""What everything made at run time shares: the folder, content keys, locks, progress and commands."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
CACHE = PROJECT / ".cache"
_STARTED = time.monotonic()


class Failure(Exception):
    """What stopped a step: the thing, the reason and the way out, ready to be shown."""


def say(text: str) -> None:
    """Print one progress line with the seconds since the start."""
    print(f"[{time.monotonic() - _STARTED:6.1f} s] {text}", file=sys.stderr, flush=True)


def content_key(paths: Iterable[Path], *more: str) -> str:
    """Return 12 hex digits over the contents, names and execute bits of files (folders are walked) and `more`."""
    digest = hashlib.sha256()
    for top in paths:
        found = sorted(top.rglob("*")) if top.is_dir() else [top]
        for path in found:
            if not path.is_file() or "__pycache__" in path.parts:
                continue
            executable = "x" if os.access(path, os.X_OK) else "-"
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.relative_to(top.parent)} {executable} {content}\n".encode())
    digest.update("\n".join(more).encode())
    return digest.hexdigest()[:12]


@contextmanager
def lock(name: str) -> Iterator[None]:
    """Hold a lock that every checkout's process on this cache respects; the kernel frees it when the process dies."""
    path = CACHE / "locks" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Waiting for another process that works on the {name}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def run(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, stdin: str | None = None) -> str:
    """Run a command and return its standard output; Failure with its last lines when it fails."""
    words = [str(word) for word in command]
    merged = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
    done = subprocess.run(
        words, env=merged, input=stdin if stdin is not None else "", capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise Failure(f"`{' '.join(words[:6])}` failed with status {done.returncode}:\n{tail}")
    return done.stdout


def run_narrated(command: Sequence[str | Path], *, prefix: str = "") -> None:
    """Run a long command and turn its output lines that begin with `prefix` into progress; Failure as in `run`."""
    words = [str(word) for word in command]
    tail: deque[str] = deque(maxlen=15)
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            tail.append(line.rstrip())
            if line.startswith(prefix):
                say("  " + line.removeprefix(prefix).strip())
    if process.returncode != 0:
        raise Failure(f"`{' '.join(words[:3])}` failed with status {process.returncode}:\n" + "\n".join(tail))


def need_programs(packages: Mapping[str, str]) -> None:
    """Fail when a program is missing; `packages` maps each program to the Debian package that has it."""
    missing = sorted({package for program, package in packages.items() if shutil.which(program) is None})
    if missing:
        raise Failure(
            f"Throwaway hosts need programs that this machine lacks. Install them: apt-get install {' '.join(missing)} "
            "(on another distribution: the packages that carry " + ", ".join(sorted(packages)) + ")"
        )
