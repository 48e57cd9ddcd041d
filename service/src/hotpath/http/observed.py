"""The outermost layer of a worker's application: sees every request and every answer."""

from __future__ import annotations

import asyncio
import time
from typing import Dict, Iterable, List, Mapping, Sequence, Tuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hotpath.http.errors import Problem
from hotpath.metrics.layout import STATUSES, route_of
from hotpath.metrics.table import Row
from hotpath.observing.ids import RequestIds
from hotpath.observing.record import Observer, Record, put, server_timing

CLIENT_GONE = 499
CUT_OFF = Problem(
    503,
    "shutting_down",
    "The service ended before the request could be finished.",
    "Try again, or on another host.",
    {"Retry-After": "1", "Connection": "close"},
)
"""The answer to what was accepted and not finished when the worker ended."""

_READ = frozenset((b"x-request-id", b"traceparent", b"tracestate"))


class Observed:
    """Gives each request its id and record, its answer the headers, and both to the observers."""

    def __init__(self, app: ASGIApp, row: Row, observers: Sequence[Observer] = ()) -> None:
        self._app = app
        self._ledger = Ledger(row, observers)

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
            record.error = CUT_OFF.code
            await CUT_OFF.response(record.path, record.id)(scope, receive, observe)
        finally:
            self._ledger.over(record)

    def _open(self, scope: Scope) -> Record:
        client = scope.get("client")
        record = Record(scope["method"], scope["path"], route_of(scope["path"]), client[0] if client else "")
        record.scheme = scope["scheme"]
        self._ledger.identify(record, scope["headers"])
        put(scope, record)
        return record

    def _answer(self, record: Record, message: Message) -> None:
        told = self._ledger.answered(record, message["status"])
        message["headers"] = [*message.get("headers", ()), *told]


class Ledger:
    """What is counted and told of every request, however it came."""

    def __init__(self, row: Row, observers: Sequence[Observer]) -> None:
        self._row = row
        self._observers = tuple(observers)
        self._ids = RequestIds()

    def identify(self, record: Record, headers: Iterable[Tuple[bytes, bytes]]) -> None:
        """Note what its headers, of lower-case names, say of the request itself: its id and its trace."""
        given: Dict[bytes, List[bytes]] = {}
        for name, value in headers:
            if name in _READ:
                given.setdefault(name, []).append(value)
        record.id = self._ids.of(_only(given.get(b"x-request-id", ())))
        record.traceparent = _only(given.get(b"traceparent", ())).decode("latin-1")
        record.tracestate = b",".join(given.get(b"tracestate", ())).decode(
            "latin-1"
        )  # a list (RFC 9110, 5.3)

    def answered(self, record: Record, status: int) -> List[Tuple[bytes, bytes]]:
        """Count an answer of this HTTP status; the headers that it is to have."""
        record.status = status
        text = str(status)
        self._row.add("hotpath_requests", (record.route, text if text in STATUSES else "other"))
        headers = [(b"x-request-id", record.id.encode())]
        if record.images:
            seconds = record.seconds()
            total = time.monotonic() - record.started
            headers.append((b"server-timing", server_timing(seconds, total).encode()))
            self._count_stages(seconds, total)
            if record.received is not None:
                self._row.observe("hotpath_receive_seconds", record.received - record.started)
        return headers

    def over(self, record: Record) -> None:
        """Give it to the observers."""
        record.ended = time.monotonic()
        record.status = record.status or CLIENT_GONE
        for observer in self._observers:
            observer(record)

    def _count_stages(self, seconds: Mapping[str, float], total: float) -> None:
        for stage, part in seconds.items():
            self._row.add("hotpath_stage_seconds", (stage,), part)
        self._row.add("hotpath_stage_seconds", ("other",), max(0.0, total - sum(seconds.values())))


def _only(values: Sequence[bytes]) -> bytes:
    """The value of a field that may come once; empty where it came with several values, or not at all."""
    return values[0] if len(set(values)) == 1 else b""
