"""The operator's end of the control socket: `hotpath swap` and `reload`, and what `models` shows as live."""

from __future__ import annotations

import json
import os
import socket
import struct
from pathlib import Path
from typing import Any, Dict, Iterator

from hotpath.config import load
from hotpath.core import HotpathError


class ControlError(HotpathError):
    """The running service can't be asked."""


def command(config: Path, question: Dict[str, Any]) -> int:
    """Ask, print how it goes on, and wait for the end; the exit status."""
    answer: Dict[str, Any] = {"ok": False}
    for answer in ask(config, question):
        if answer["text"]:
            print(answer["text"], flush=True)
    return 0 if answer["ok"] else 1


def ask(config: Path, question: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    """What the service of a configuration says to a question; its last line has the key `ok`.

    Raises ControlError where none runs, or where the one that answers is somebody else's.
    """
    path = load(config).server.control
    if not path:
        raise ControlError(
            f"{config} names no control socket.",
            "Set server.control to a path such as /run/hotpath-control/socket, and restart the service.",
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
        try:
            end.connect(path)
        except OSError as error:
            raise ControlError(
                f"No service answers at {path} ({error.strerror}).",
                "Start it with this configuration; run this as root or as the service's user.",
            ) from error
        _, user, _ = struct.unpack("3i", end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        owner = os.stat(path).st_uid
        if user != owner:
            raise ControlError(
                f"The process at {path} is not its owner's.", "Look who made it: ls -l, ss -xlp."
            )
        end.sendall(json.dumps(question).encode() + b"\n")
        ended = False
        for line in end.makefile("r", encoding="utf-8"):
            answer = json.loads(line)
            ended = "ok" in answer
            yield answer
        if not ended:
            raise ControlError("The service ended before it was done.", "See its log.")
