"""The Prometheus of a throwaway monitor, from this machine."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .cache import Failure
from .hosts import PREFIX
from .ssh import KEY, ssh_arguments

PATIENCE_S = 20.0


class Prometheus:
    """Questions to its HTTP API. Raises OSError where it does not answer."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, **arguments: str) -> Any:
        """What it answers to a question below /api/v1/."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(arguments)}"
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            return json.load(answer)["data"]

    def value(self, expression: str) -> float | None:
        """An expression's first sample now, None where there is none."""
        found = self.ask("query", query=expression)["result"]
        return float(found[0]["value"][1]) if found else None

    def values(self, expression: str, since: float, step_s: float) -> list[tuple[float, float]]:
        """Seconds since 1970 and value of an expression's first series from that second to now."""
        asked = {"query": expression, "start": str(since), "end": str(time.time()), "step": str(step_s)}
        found = self.ask("query_range", **asked)["result"]
        return [(float(at), float(value)) for at, value in found[0]["values"]] if found else []


@contextmanager
def watching(monitor: str, port: int = 0) -> Iterator[Prometheus]:
    """A monitor's Prometheus through ssh, as docs/monitoring.md has it; at a port of 127.0.0.1, by default any."""
    port = port or _free_port()
    container = PREFIX + monitor
    way = ["ssh", "-N", "-o", "ExitOnForwardFailure=yes", "-i", str(KEY), *ssh_arguments(container)]
    with subprocess.Popen([*way, "-L", f"127.0.0.1:{port}:127.0.0.1:9090", f"root@{container}"]) as process:
        try:
            _wait(process, port, monitor)
            yield Prometheus(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


def _wait(process: subprocess.Popen[bytes], port: int, monitor: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise Failure(f"No way to the Prometheus of {monitor} at port {port}: see that it runs (scripts/hosts.py list)")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
