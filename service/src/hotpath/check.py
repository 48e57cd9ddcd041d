"""`hotpath check`: judges configuration, models and port without starting anything."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Callable, Dict, List

from hotpath.config import Config, ConfigError, load
from hotpath.core import HotpathError
from hotpath.http.keys import token_for
from hotpath.supervisor import placement, ports
from hotpath.supervisor.serve import load_models

FINE, PROBLEMS, UNUSABLE = 0, 1, 2


def check(path: Path, as_json: bool) -> int:
    """Print every problem found; the exit status."""
    try:
        config = load(path)
    except ConfigError as error:
        _print([{"part": "configuration", "problem": text} for text in error.problems], as_json)
        return UNUSABLE
    parts: Dict[str, Callable[[Config], object]] = {
        "models": load_models,
        "placement": lambda config: placement.read(config.placement.plan),
        "keys": lambda config: config.auth.keys and token_for(Path(config.auth.keys), "predict"),
        "port": _check_port,
    }
    problems = []
    for part, judge in parts.items():
        try:
            judge(config)
        except HotpathError as error:
            problems.append({"part": part, "problem": str(error)})
    _print(problems, as_json)
    return PROBLEMS if problems else FINE


def _check_port(config: Config) -> None:
    """The port is free, or held by this service or by systemd for it. Raises Refusal."""
    port = config.server.port
    who = ports.holder(port)
    if who is not None and who.split()[0] in ("systemd", "hotpath"):
        return
    listener: socket.socket = ports.listen(config.server.host, port)
    listener.close()


def _print(problems: List[Dict[str, str]], as_json: bool) -> None:
    if as_json:
        print(json.dumps({"problems": problems}))
        return
    for item in problems:
        print(f"{item['part']}: {item['problem']}")
    if not problems:
        print("No problems found.")
