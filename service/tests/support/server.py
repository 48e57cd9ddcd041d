"""A real `hotpath serve` on a free port of the loopback address, and its processes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

import httpx

from support import asking

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0
"""How long anything may take before a test gives up; never how long it should take."""


class Server:
    """The supervisor's process and what it logged."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.log: List[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def url(self) -> str:
        """Where it answers, once it is ready."""
        port = self.find(r"ready: listening on 127\.0\.0\.1:(\d+)")
        return f"http://127.0.0.1:{port}"

    def find(self, pattern: str) -> str:
        """Wait for a log line that matches; its first group."""
        found: List[str] = []

        def appears() -> bool:
            ended = self.process.poll() is not None
            matches = (re.search(pattern, line) for line in list(self.log))
            found.extend(match.group(1) if match.groups() else match.group() for match in matches if match)
            assert found or not ended, "\n".join(self.log)
            return bool(found)

        until(appears)
        return found[0]

    def children(self, role: str) -> List[int]:
        """Process ids of the children whose name begins with `role`; waits for readiness first."""
        self.find("ready: listening")
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return sorted(int(child) for child in children if _name(int(child)).startswith(role))

    @contextlib.contextmanager
    def paused_engine(self) -> Iterator[int]:
        """Stop the one engine, so that what is sent waits; its process id. It goes on at the end."""
        (engine,) = self.children("engine")
        os.kill(engine, signal.SIGSTOP)
        try:
            yield engine
        finally:
            with contextlib.suppress(ProcessLookupError):  # the test has killed it
                os.kill(engine, signal.SIGCONT)

    @contextlib.contextmanager
    def paused(self, pids: Sequence[int]) -> Iterator[None]:
        """Stop these processes; they go on at the end."""
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def metric(self, series: str) -> float:
        """The value of a series such as hotpath_restarts_total{role="engine"}."""
        text = asking.get(f"{self.url}/metrics").text
        values = [line.rpartition(" ")[2] for line in text.splitlines() if line.rpartition(" ")[0] == series]
        assert len(values) == 1, f"{series} is not in:\n{text}"
        return float(values[0])

    def predict(self, body: bytes, **headers: str) -> httpx.Response:
        """POST a raw image."""
        sent = {"content-type": "image/png", **headers}
        return asking.post(f"{self.url}/predict", content=body, headers=sent, timeout=PATIENCE_S)

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.terminate()
        return self.process.wait(PATIENCE_S)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, which is all that a test of other processes may do about time."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def write_config(
    path: Path,
    model: Path,
    backend: str = "numeric",
    name: str = "colours",
    more: Sequence[Dict[str, Any]] = (),
    engines: int = 1,
    **sections: Dict[str, Any],
) -> Path:
    """A configuration for one model on a free port, and for `more` of them.

    `sections` add to the tables or replace their keys.
    """
    tables: Dict[str, Dict[str, Any]] = {"server": {"host": "127.0.0.1", "port": 0, "workers": 1}}
    for section, values in sections.items():
        tables.setdefault(section, {}).update(values)
    lines = []
    for section, values in tables.items():
        lines += [f"[{section}]", *(f"{key} = {_toml(value)}" for key, value in values.items())]
    for entry in ({"name": name, "path": model, "backend": backend}, *more):
        # Stated, because how many there would be on CPU depends on the machine.
        settings = {"engines": engines, **entry}
        lines += ["[[models]]", *(f"{key} = {_toml(value)}" for key, value in settings.items())]
    path.write_text("\n".join(lines) + "\n")
    return path


@contextlib.contextmanager
def serving(
    config: Path, environment: Optional[Dict[str, str]] = None, under: Sequence[str] = ()
) -> Iterator[Server]:
    """A running service; killed at the end if the test has not stopped it.

    `under` is a command that becomes the one which follows its arguments, such as prlimit(1).
    """
    process = subprocess.Popen(
        [*under, sys.executable, "-m", "hotpath", "serve", "--config", str(config)],
        stderr=subprocess.PIPE,
        text=True,
        env=python_environment(environment),
    )
    server = Server(process)
    try:
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_S)


def python_environment(more: Optional[Dict[str, str]] = None) -> Dict[str, str]:
    """The environment in which `python -m hotpath` is this checkout's."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), **(more or {})}


def _toml(value: object) -> str:
    return json.dumps(str(value) if isinstance(value, Path) else value)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
