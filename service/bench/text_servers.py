"""The servers of the row of sentence embeddings: one text a request, one embedding an answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Callable, List

from environments import CACHE
from servers import HOTPATH, Server, script, uvicorn

# A thread a process where there is a process a CPU; see run.ONE_THREAD. Else torch's own number.
_ONE_THREAD = {"OMP_NUM_THREADS": "1"}


# They would look for a newer model, and tell of themselves.
_OFFLINE = {"HF_HUB_OFFLINE": "1", "INFINITY_ANONYMOUS_USAGE_STATS": "0", "DO_NOT_TRACK": "1"}


def _infinity(*more: str) -> Callable[[Path, int], List[str]]:
    def command(model: Path, port: int) -> List[str]:
        settings = ["--engine", "torch", "--device", "cpu", "--host", "127.0.0.1", "--port", str(port)]
        settings += ["--model-id", str(model), "--served-model-name", "minilm_l6", "--log-level", "error"]
        return [str(CACHE / "venv/infinity/bin/infinity_emb"), "v2", *settings, *more]

    return command


OPENAI = replace(
    HOTPATH, title="Hotpath, /v1/embeddings", encoding="openai", path="/v1/embeddings", form="ours"
)
PREDICT = replace(OPENAI, name="hotpath-predict", title="Hotpath, /predict", encoding="text", path="/predict")

_FASTAPI = Server(
    "st-fastapi",
    "FastAPI + sentence-transformers",
    "embeddings",
    uvicorn("embed_fastapi:app", 1),
    encoding="text",
    path="/embed",
)
_INFINITY = Server(
    "infinity", "Infinity", "infinity", _infinity(), encoding="openai", path="/embeddings", settings=_OFFLINE
)

PEERS = [
    _FASTAPI,
    replace(
        _FASTAPI,
        name="st-fastapi-2",
        title="FastAPI, two workers of one thread",
        command=uvicorn("embed_fastapi:app", 2),
        settings=_ONE_THREAD,
    ),
    _INFINITY,
    replace(
        _INFINITY,
        name="infinity-bfloat16",
        title="Infinity, --dtype bfloat16",
        command=_infinity("--dtype", "bfloat16"),
        form="bfloat16",
    ),
    Server(
        "litserve",
        "LitServe + sentence-transformers",
        "embeddings",
        script("embed_litserve.py"),
        encoding="text",
        settings=_ONE_THREAD,
    ),
    Server(
        "mosec",
        "mosec + sentence-transformers",
        "embeddings",
        script("embed_mosec.py", "--address", "127.0.0.1", "--port", "{port}", "--timeout", "60000"),
        encoding="text",
        path="/inference",
        settings=_ONE_THREAD,
    ),
]
