"""`hotpath warmup`: the models' probes through the real HTTP path until latency settles, and right.

Runs as the unit's ExecStartPost, next to a service that just started: imports stay light.
"""

from __future__ import annotations

import http.client
import json
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple
from urllib.parse import quote, urlsplit

from hotpath.config import Config, load
from hotpath.core import HotpathError
from hotpath.http.keys import token_for
from hotpath.models.built import BuiltModel
from hotpath.models.built import load as load_model
from hotpath.tasks import known
from hotpath.tasks.outline import Probe

WINDOW = 5
SETTLED = 0.10
"""Latency has settled when the medians of the last two windows of answers differ by at most this share."""
MOST_ROUNDS = 40
"""Warming up ends after so many rounds, or when its time is over, in any case: once every probe was answered
rightly, a noisy machine is no reason not to start."""


class WarmupError(HotpathError):
    """The service does not answer, or not rightly."""


@dataclass
class _Track:
    model: BuiltModel
    probe: Probe
    milliseconds: List[float] = field(default_factory=list)
    said: str = ""

    @property
    def settled(self) -> bool:
        if len(self.milliseconds) < 2 * WINDOW:
            return False
        before = statistics.median(self.milliseconds[-2 * WINDOW : -WINDOW])
        after = statistics.median(self.milliseconds[-WINDOW:])
        return abs(after - before) <= SETTLED * before


def warmup(path: Path, url: Optional[str], timeout: float, once: bool = False) -> int:
    """Warm up the service of the configuration at `path`; prints a table. Raises WarmupError.

    `once`: send each probe a single time, to see whether it is answered rightly.
    """
    config = load(path)
    host, port = _host_and_port(url or _address(config))
    deadline = time.monotonic() + timeout
    token = token_for(Path(config.auth.keys), "predict") if config.auth.keys else None
    client = _Client(host, port, token)
    client.wait_until_ready(deadline)
    tracks = [
        _Track(model, probe)
        for model in (load_model(entry.path, verify=False) for entry in config.models)
        for probe in known.outline(model).probes()
    ]
    for track in tracks:
        _ask(client, track, deadline)
    rounds = 1
    while (
        not once
        and rounds < MOST_ROUNDS
        and not all(track.settled for track in tracks)
        and time.monotonic() < deadline
    ):
        for track in tracks:
            _ask(client, track, time.monotonic() + timeout)
        rounds += 1
    _print(tracks)
    if not once:
        state = "settled" if all(track.settled for track in tracks) else "did not settle within the limit"
        print(f"{rounds} rounds; latency {state} (medians of {WINDOW} within {SETTLED:.0%})")
    return 0


def _address(config: Config) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.server.host, config.server.host)
    return f"http://[{host}]:{config.server.port}" if ":" in host else f"http://{host}:{config.server.port}"


def _host_and_port(url: str) -> Tuple[str, int]:
    """Of an http address. Raises WarmupError."""
    try:
        address = urlsplit(url)
        host, port = address.hostname or "", address.port or 80
    except ValueError:  # of brackets and ports
        host, port = "", 0
    if not host or address.scheme != "http":
        raise WarmupError(f"{url!r} is no http address.", "Give one such as http://127.0.0.1:8000.")
    return host, port


def _ask(client: _Client, track: _Track, deadline: float) -> None:
    started = time.monotonic()
    answer = client.predict(track.model.identity.name, track.probe, deadline)
    track.milliseconds.append((time.monotonic() - started) * 1000)
    track.said, wrong = track.probe.read(answer)
    if wrong:
        raise WarmupError(
            f"The service takes {track.probe.name} for {wrong}.",
            "Do not serve this model: build it again, and compare its preprocessing with its training.",
        )
    if answer["model"]["version"] != track.model.identity.version:
        raise WarmupError(
            f"The service answers with version {answer['model']['version']} of {track.model.identity.name}, "
            f"while {track.model.identity.version} is configured.",
            "Restart the service.",
        )


def _print(tracks: List[_Track]) -> None:
    print(f"{'probe':<28} {'answer':<35} {'first ms':>9} {'now ms':>8}")
    for track in tracks:
        now = statistics.median(track.milliseconds[-WINDOW:])
        first = track.milliseconds[0]
        print(f"{track.probe.name:<28} {track.said:<35.35} {first:>9.1f} {now:>8.1f}")


class _Client:
    """One connection to the service, opened again when it breaks."""

    def __init__(self, host: str, port: int, token: Optional[str] = None) -> None:
        self._host = host
        self._port = port
        self._authorization = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._connection: Optional[http.client.HTTPConnection] = None

    def wait_until_ready(self, deadline: float) -> None:
        """Return when /readyz says so. Raises WarmupError at the deadline."""
        reason = "the time was over before it could be asked."
        while time.monotonic() < deadline:
            try:
                status, answer = self._request("GET", "/readyz", deadline)
                if status == 200:
                    return
                reason = str(answer.get("error", {}).get("message", f"status {status}"))
            except (OSError, http.client.HTTPException, ValueError) as error:
                reason = str(error) or type(error).__name__
            time.sleep(0.2)
        raise WarmupError(
            f"The service at {self._host}:{self._port} did not become ready in time: {reason}",
            "See its log; give more time with --timeout.",
        )

    def predict(self, model: str, probe: Probe, deadline: float) -> Dict[str, Any]:
        """The answer of /predict. Raises WarmupError on any other status than 200."""
        headers = {"Content-Type": probe.content_type, **self._authorization}
        path = f"/predict?model={quote(model)}"
        try:
            status, answer = self._request("POST", path, deadline, probe.body, headers)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise WarmupError(f"The service gave no answer: {error}.", "See its log.") from error
        if status != 200:
            raise WarmupError(f"The service answered {status}: {json.dumps(answer)}.", "See its log.")
        return answer

    def _request(
        self,
        method: str,
        path: str,
        deadline: float,
        body: Optional[bytes] = None,
        headers: Optional[Dict[str, str]] = None,
    ) -> Tuple[int, Dict[str, Any]]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, self._port)
        self._connection.timeout = max(0.1, deadline - time.monotonic())
        try:
            self._connection.request(method, path, body, headers or {})
            response = self._connection.getresponse()
            document: Dict[str, Any] = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError):
            self._connection.close()
            self._connection = None
            raise
        return response.status, document
