"""The servers of the row of object detection: one photograph a request, its objects an answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List

import turns
from servers import HOTPATH, Server, script, uvicorn

CLIENTS = (1, 16, 32)

# A thread a process where there is a process a CPU; see run.ONE_THREAD.
_ONE_THREAD = {"OMP_NUM_THREADS": "1"}

_FASTAPI = Server(
    "fastapi",
    "FastAPI + PyTorch",
    "detection",
    uvicorn("detect_fastapi:app", 2),
    encoding="raw",
    settings=_ONE_THREAD,
)
_FASTEST = "the fastest of theirs"

PEERS = [
    _FASTAPI,
    replace(_FASTAPI, name="fastapi-torchscript", title="FastAPI + TorchScript", form="torchscript"),
    replace(_FASTAPI, name="fastapi-reduced", title="FastAPI + bfloat16", form="bfloat16"),
    Server(
        "litserve",
        "LitServe",
        "detection",
        script("detect_litserve.py"),
        encoding="json",
        form=_FASTEST,
        settings=_ONE_THREAD,
    ),
    Server(
        "mosec",
        "mosec",
        "detection",
        script("detect_mosec.py", "--address", "127.0.0.1", "--port", "{port}", "--timeout", "60000"),
        encoding="raw",
        path="/inference",
        form=_FASTEST,
        settings=_ONE_THREAD,
    ),
]


def row(
    load: turns.Load, model: Path, photographs: Path, rounds: int, only: List[str], say: turns.Say
) -> Dict[str, Any]:
    """By server's name. `model` is what objects.py left."""
    fastest = json.loads((model / "peer.json").read_text())["fastest"]
    servers = [
        replace(server, form=fastest) if server.form == _FASTEST else server for server in (HOTPATH, *PEERS)
    ]
    wanted = [turns.Subject([one], model) for one in servers if not only or one.name in only]
    sample = next(iter(sorted(photographs.iterdir()))).read_bytes()
    return turns.row(load, wanted, sample, CLIENTS, rounds, say)
