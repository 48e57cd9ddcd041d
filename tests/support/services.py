"""Inference services on this machine, answering at once by the numeric stand-in, for what goes on before them."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PYTHON = PROJECT / ".cache" / "venv" / "service" / "bin" / "python"
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{PROJECT / 'service' / 'src'}:{PROJECT / 'service' / 'tests'}"}
# The service's own tests have a network that tells colours; the models are built as any is.
BUILD = """import sys
from pathlib import Path
from hotpath.building.build import build
from support.colours import picture, write_source
folder = Path(sys.argv[1])
write_source(folder / "source", always=float(sys.argv[2]))
(folder / "red.png").write_bytes(picture("red"))
print(build(folder / "source", folder / "built")[0].directory)
"""
PATIENCE_S = 60.0


def build(folder: Path, seconds: float) -> Path:
    """A model whose batches take so long; beside it lies red.png."""
    command = [str(PYTHON), "-c", BUILD, str(folder), str(seconds)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip().splitlines()[-1])


class Service:
    """One `hotpath serve` on an address of loopback, as a host of a fleet would have it."""

    def __init__(
        self,
        folder: Path,
        model: Path,
        name: str,
        address: str,
        port: int,
        max_batch: int,
        access_log: Path | str = "",  # standard error
        agent_port: int = 0,
    ) -> None:
        self.name, self.address, self.port = name, address, port
        self.connections = 2 * max_batch
        self.agent_port = agent_port
        self._config = folder / f"{name}.toml"
        self._config.write_text(
            f'[server]\nhost = "{address}"\nport = {port}\nworkers = 1\ntrusted_proxies = ["127.0.0.1"]\n'
            f"agent_port = {agent_port}\n"
            f'[batching]\nmax_batch = {max_batch}\n[access_log]\nsample = 1.0\npath = "{access_log}"\n'
            f'[[models]]\nname = "colours"\npath = "{model}"\nbackend = "numeric"\nengines = 1\n'
        )
        self.log: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    def start(self, **environment: str) -> None:
        """Begin; `wait` until it is ready."""
        command = [str(PYTHON), "-m", "hotpath", "serve", "--config", str(self._config)]
        self._process = subprocess.Popen(
            command,
            env={**ENVIRONMENT, **environment},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()

    def wait(self) -> None:
        """Until it is ready."""
        self.find("ready: listening")

    def find(self, pattern: str) -> str:
        """The first line of the log that matches, waited for."""
        until(lambda: any(re.search(pattern, line) for line in list(self.log)))
        return next(line for line in self.log if re.search(pattern, line))

    def kill(self) -> None:
        """As when a host loses its power: every process at once."""
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def children(self, role: str) -> list[int]:
        """Process ids of the children whose name begins so."""
        assert self._process is not None
        pid = self._process.pid
        found = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return [child for child in found if Path(f"/proc/{child}/comm").read_text().startswith(role)]

    def signal(self, number: int) -> None:
        """To every process of the service."""
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.log.append(line.rstrip("\n"))


@contextmanager
def serving(*services: Service) -> Iterator[list[Service]]:
    """All of them, ready; killed at the end."""
    try:
        for service in services:
            service.start()
        for service in services:
            service.wait()
        yield list(services)
    finally:
        for service in services:
            service.kill()


def free_port() -> int:
    """A port that nobody has, with the next one."""
    while True:
        with socket.socket() as one, socket.socket() as next_one:
            one.bind(("", 0))
            port = int(one.getsockname()[1])
            try:
                next_one.bind(("", port + 1))
            except OSError:
                continue
            return port


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, which is all that a test of other processes may do about time."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
