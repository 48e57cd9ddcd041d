"""The outermost layer of a worker's application: sees every request and every answer."""

from __future__ import annotations

import asyncio
import time
from typing import Any, List, Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hotpath.http.errors import Problem
from hotpath.metrics.layout import STATUSES, route_of
from hotpath.metrics.table import Row
from hotpath.observing.ids import RequestIds
from hotpath.observing.record import Observer, Record, put

CLIENT_GONE = 499
_CUT_OFF = Problem(
    503,
    "shutting_down",
    "The service ended before the request could be finished.",
    "Try again, or on another host.",
    {"Retry-After": "1", "Connection": "close"},
)


class Observed:
    """Gives each request its id and record, its answer the headers, and both to the observers."""

    def __init__(self, app: ASGIApp, row: Row, observers: Sequence[Observer] = ()) -> None:
        self._app = app
        self._row = row
        self._observers = tuple(observers)
        self._ids = RequestIds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = self._open(scope)

        async def observe(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._answer(record, message)
            await send(message)

        try:
            await self._app(scope, receive, observe)
        except asyncio.CancelledError:  # the worker ends, and the time for what was accepted is over
            if record.status:
                raise
            record.error = _CUT_OFF.code
            await _CUT_OFF.response(record.path, record.id)(scope, receive, observe)
        finally:
            record.ended = time.monotonic()
            record.status = record.status or CLIENT_GONE
            for observer in self._observers:
                observer(record)

    def _open(self, scope: Scope) -> Record:
        client = scope.get("client")
        record = Record(scope["method"], scope["path"], route_of(scope["path"]), client[0] if client else "")
        given = b""
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                given = value
            elif name == b"traceparent":
                record.traceparent = value.decode("latin-1")
            elif name == b"tracestate":
                record.tracestate = value.decode("latin-1")
        record.id = self._ids.of(given)
        put(scope, record)
        return record

    def _answer(self, record: Record, message: Message) -> None:
        record.status = message["status"]
        status = str(record.status)
        self._row.add("hotpath_requests", (record.route, status if status in STATUSES else "other"))
        headers: List[Any] = [*message.get("headers", ()), (b"x-request-id", record.id.encode())]
        if record.images:
            headers.append((b"server-timing", record.server_timing().encode()))
            self._count_stages(record)
        message["headers"] = headers

    def _count_stages(self, record: Record) -> None:
        rest = time.monotonic() - record.started
        for stage, seconds in record.seconds().items():
            self._row.add("hotpath_stage_seconds", (stage,), seconds)
            rest -= seconds
        self._row.add("hotpath_stage_seconds", ("other",), max(0.0, rest))
        if record.received is not None:
            self._row.observe("hotpath_receive_seconds", record.received - record.started)
