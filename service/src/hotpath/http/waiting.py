"""Waiting for an outcome, the deadline or the client's going away, whichever comes first."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Any, Awaitable, Callable, Optional, Set, Type, TypeVar, Union

from hotpath.http.timers import Timer, after
from hotpath.http.urgency import Urgency

T = TypeVar("T")

Gone = Callable[[], Awaitable[Any]]
"""Waits until a request's client has gone. After an HTTP body `request.receive` does: no more can come."""


class DeadlinePassed(Exception):
    """The request's time is over."""

    def __init__(self, seconds: float, counted: bool = False) -> None:
        super().__init__()
        self.seconds = seconds
        """How long the request was allowed to take."""
        self.counted = counted
        """Whether that stands in the metrics already."""


class ClientGone(Exception):
    """The client closed the connection before it had its answer."""

    def __init__(self, counted: bool = False) -> None:
        super().__init__()
        self.counted = counted
        """Whether that stands in the metrics already."""


WATCH_AFTER_S = 0.05
"""From when on a request is dropped because its client has gone. To watch a connection costs as much as to
parse a request, and most are answered before."""


class Patience:
    """Watches one request whose body has been read; used as an async context manager around its waits.

    There may be several at a time, one for each of its images.

    `gone` comes back when the client has gone. The request may take as long as its urgency says; `head` and
    `body` are when those were there, on the monotonic clock.
    """

    def __init__(self, gone: Gone, head: float, body: float, urgency: Urgency) -> None:
        self._until_gone = gone
        self._head = head
        self._body = body
        self._set(urgency)
        self._gone: Optional[asyncio.Future[Any]] = None
        self._awaited: Set[asyncio.Future[Any]] = set()
        self._expired = False

    def _set(self, urgency: Urgency) -> None:
        self.urgency = urgency
        self.deadline = urgency.deadline(self._head, self._body)
        """When the request's time is over, on the monotonic clock."""

    def hurry(self, urgency: Urgency) -> None:
        """The body asks for more than the headers did; to be called inside."""
        self._set(urgency)
        self._timer.cancel()
        self._start_timer()

    async def __aenter__(self) -> Patience:
        self._loop = asyncio.get_running_loop()
        self._start_timer()
        return self

    def _start_timer(self) -> None:
        left = max(0.0, self.deadline - time.monotonic())
        if self._gone is None and left > WATCH_AFTER_S:
            self._timer: Union[Timer, asyncio.TimerHandle] = after(WATCH_AFTER_S, self._watch)
        else:
            self._timer = self._loop.call_later(left, self._expire)

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._timer.cancel()
        if self._gone is not None:
            self._gone.cancel()

    async def wait(self, outcome: asyncio.Future[T]) -> T:
        """The outcome's result, in time. Else cancels it and raises DeadlinePassed or ClientGone."""
        self._awaited.add(outcome)
        self._judge()
        try:
            found = await outcome
        except asyncio.CancelledError:
            if self._client_is_gone:
                raise ClientGone from None
            if self._expired:
                raise DeadlinePassed(self.urgency.seconds) from None
            raise
        finally:
            self._awaited.discard(outcome)
            outcome.cancel()  # without effect on one that is done
        if time.monotonic() > self.deadline:  # this process had no CPU when its timer was due
            raise DeadlinePassed(self.urgency.seconds)
        return found

    @property
    def _client_is_gone(self) -> bool:
        return self._gone is not None and self._gone.done() and not self._gone.cancelled()

    def _watch(self) -> None:
        self._gone = asyncio.ensure_future(self._until_gone())
        self._gone.add_done_callback(lambda _: self._judge())
        self._start_timer()

    def _expire(self) -> None:
        self._expired = True
        self._judge()

    def _judge(self) -> None:
        if self._expired or self._client_is_gone:
            for outcome in self._awaited:
                outcome.cancel()
