"""A worker's whole application around a service that is not there, asked without a connection."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, AsyncIterator, Dict, List, Optional, Tuple, cast

from fastapi import FastAPI
from starlette.types import ASGIApp, Message

from hotpath.config import Config
from hotpath.http.app import create
from hotpath.http.errors import Problem
from hotpath.http.keys import KeyFile
from hotpath.http.service import Service
from hotpath.metrics.table import Table

INSIDE = 418
"""The status of an answer that a handler of predictions or models gives."""


class _Catalogue:
    names = ("colours",)

    def find(self, name: str, version: Optional[str] = None) -> Any:
        raise Problem(INSIDE, "inside", "A handler was reached.", "")

    choose = find


class _Service:
    def __init__(self, auth: Dict[str, Any]) -> None:
        models = [{"name": "colours", "path": "/nowhere"}]
        self.config = Config.model_validate({"models": models, "auth": auth})
        self.table = Table(1, [], 1, ["colours"])
        self.catalogue = _Catalogue()

    def unready(self, served: object = None) -> Optional[str]:
        return None


@contextlib.asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


def application(keys: Optional[KeyFile] = None, **auth: Any) -> ASGIApp:
    """The application; `auth` is that part of the configuration."""
    service = _Service(auth)
    return create(cast(Service, service), service.table.workers[0], _lifespan, keys)


def ask(
    app: ASGIApp, method: str, path: str, headers: Optional[Dict[str, str]] = None
) -> Tuple[int, Dict[str, str], bytes]:
    """Status, headers and body of the answer; `path` as it is once it is decoded."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "client": ("192.0.2.1", 1234),
        "server": ("192.0.2.2", 8000),
        "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
        "state": {},
    }
    sent: List[Message] = []
    body: List[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if not body:
            await asyncio.Event().wait()  # the client stays
        return body.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(cast(Any, app(scope, receive, send)))
    start = sent[0]
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], found, b"".join(message.get("body", b"") for message in sent[1:])
