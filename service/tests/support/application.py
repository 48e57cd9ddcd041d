"""A worker's whole application around a service that is not there, asked without a connection."""

from __future__ import annotations

import asyncio
import contextlib
from typing import (
    Any,
    AsyncIterator,
    ClassVar,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Union,
    cast,
)

from fastapi import FastAPI
from starlette.types import ASGIApp, Message

from hotpath.config import Config
from hotpath.http.app import create
from hotpath.http.errors import Problem
from hotpath.http.keys import KeyFile
from hotpath.http.service import Service
from hotpath.metrics.table import Table
from hotpath.observing.record import Observer

INSIDE = 418
"""The status of an answer that a handler of predictions or models gives."""


class _Catalogue:
    names = ("colours",)

    def find(self, name: str, version: Optional[str] = None) -> Any:
        raise Problem(INSIDE, "inside", "A handler was reached.", "")

    choose = versions = find
    served: ClassVar[Dict[int, Any]] = {}


class _Service:
    def __init__(self, sections: Dict[str, Any]) -> None:
        models = [{"name": "colours", "path": "/nowhere"}]
        self.config = Config.model_validate({"models": models, **sections})
        self.table = Table(1, [], 1, ["colours"])
        self.catalogue = _Catalogue()

    def unready(self, served: object = None) -> Optional[str]:
        return None


@contextlib.asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


def application(
    keys: Optional[KeyFile] = None, observers: Sequence[Observer] = (), **sections: Dict[str, Any]
) -> ASGIApp:
    """The application; `sections` are those parts of the configuration."""
    service = _Service(sections)
    return create(cast(Service, service), service.table.workers[0], _lifespan, keys, observers)


Headers = Union[Mapping[str, str], Iterable[Tuple[str, str]]]


def ask(
    app: ASGIApp,
    method: str,
    path: str,
    headers: Headers = (),
    peer: Optional[str] = "192.0.2.1",
    body: bytes = b"",
) -> Tuple[int, Dict[str, str], bytes]:
    """Status, headers and body of the answer; `path` as it is once it is decoded."""
    fields = headers.items() if isinstance(headers, Mapping) else headers
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
        "client": None if peer is None else (peer, 1234),
        "server": ("192.0.2.2", 8000),
        "headers": [(name.lower().encode(), value.encode()) for name, value in fields],
        "state": {},
    }
    sent: List[Message] = []
    pieces: List[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if not pieces:
            await asyncio.Event().wait()  # the client stays
        return pieces.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(cast(Any, app(scope, receive, send)))
    start = sent[0]
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], found, b"".join(message.get("body", b"") for message in sent[1:])
