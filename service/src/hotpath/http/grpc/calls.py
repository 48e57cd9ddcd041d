"""What every request has, whatever it asks for: a record, a key, and one answer or refusal."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Any, Iterator, List, Optional, Tuple
from urllib.parse import unquote

from starlette.datastructures import Headers

from hotpath.core import InputError
from hotpath.http.errors import INTERNAL, Problem, problem_of_input
from hotpath.http.grpc.ending import Ending
from hotpath.http.grpc.messages import SERVICE
from hotpath.http.guard import judge
from hotpath.http.keys import KeyFile
from hotpath.http.observed import CLIENT_GONE, CUT_OFF, Ledger
from hotpath.http.service import late
from hotpath.http.urgency import Urgency
from hotpath.http.waiting import ClientGone, DeadlinePassed
from hotpath.metrics.layout import route_of
from hotpath.observing.record import Record

log = logging.getLogger(__name__)

OPEN = frozenset(("ServerLive", "ServerReady", "ServerMetadata"))
"""Methods that anybody may ask for; everything else needs a key, so that what nobody thought of is closed."""

_SAME_S = 0.05
"""Client and server both end a call at its deadline, each by its own clock."""

Told = List[Tuple[str, str]]
"""Trailing metadata."""


class Call:
    """One request: a call, or one message of a stream."""

    def __init__(self, method: str, context: Any, ledger: Ledger, ending: Ending) -> None:
        self.method = method
        self._ledger = ledger
        self._ending = ending
        path = f"/{SERVICE}/{method}"
        self.record = Record("POST", path, route_of(path), _address(context.peer()))
        raw = [(name.encode(), _bytes(value)) for name, value in context.invocation_metadata() or ()]
        self.headers = Headers(raw=raw)
        ledger.identify(self.record, raw)
        left: Optional[float] = context.time_remaining()
        self.left_s = None if left is None else max(left, 1e-6)
        """Seconds of the call's deadline, counted from now; None where it has none."""

    def check(self, keys: Optional[KeyFile]) -> None:
        """Whether its key opens the method. Raises Problem."""
        if keys is None or self.method in OPEN:
            return
        given = self.headers.get("authorization", "").encode("latin-1", "replace")
        problem = judge(keys, "predict", given, self.record)
        if problem is not None:
            raise problem

    @contextlib.contextmanager
    def watched(self, urgency: Urgency) -> Iterator[None]:
        """Tells why a call was cancelled: to be used inside `Service.admission`, which counts that."""
        try:
            yield
        except asyncio.CancelledError:
            if self._ending.cut_off:
                raise CUT_OFF from None
            raise (DeadlinePassed(urgency.seconds) if self._is_late() else ClientGone()) from None

    def answered(self) -> Told:
        """It was answered as it asked; the answer's metadata."""
        return _decoded(self._ledger.answered(self.record, 200))

    def refused(self, error: BaseException) -> Tuple[Problem, Told]:
        """What is told of a failure, and the answer's metadata."""
        problem = self._problem_of(error)
        self.record.error = problem.code
        return problem, _decoded(self._ledger.answered(self.record, problem.status))

    def over(self) -> None:
        """Nothing more becomes of it."""
        self._ledger.over(self.record)

    def _problem_of(self, error: BaseException) -> Problem:
        if isinstance(error, Problem):
            return error
        if isinstance(error, InputError):
            return problem_of_input(error)
        cancelled = isinstance(error, asyncio.CancelledError)
        if cancelled and self._ending.cut_off:
            return CUT_OFF
        if cancelled and self._is_late():
            return late(self.left_s or 0.0)
        if cancelled or isinstance(error, ClientGone):
            return Problem(CLIENT_GONE, "client_gone", "The client has gone.", "")
        log.error("unexpected error in %s, request %s", self.method, self.record.id, exc_info=error)
        return INTERNAL

    def _is_late(self) -> bool:
        """Whether the call's deadline is over."""
        return self.left_s is not None and time.monotonic() > self.record.started + self.left_s - _SAME_S


def _address(peer: str) -> str:
    """ipv4:192.0.2.1:5000 and ipv6:%5B::1%5D:5000 -> 192.0.2.1 and ::1"""
    kind, _, rest = unquote(peer).partition(":")
    return rest.rpartition(":")[0].strip("[]") if kind in ("ipv4", "ipv6") else rest


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("latin-1", "replace")


def _decoded(headers: List[Tuple[bytes, bytes]]) -> Told:
    return [(name.decode(), value.decode()) for name, value in headers]
