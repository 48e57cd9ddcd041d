"""Waiting for an outcome, the deadline or the client's going away, whichever comes first."""

from __future__ import annotations

import asyncio
import contextlib
import time
from types import TracebackType
from typing import Any, Iterator, Optional, Type, TypeVar

from fastapi import Request

from hotpath.http.urgency import Urgency

T = TypeVar("T")


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise asyncio.TimeoutError where the block takes longer. Unlike asyncio.wait_for it makes no task."""
    task = asyncio.current_task()
    assert task is not None
    expired = False

    def expire() -> None:
        nonlocal expired
        expired = True
        task.cancel()

    timer = asyncio.get_running_loop().call_later(seconds, expire)
    try:
        yield
    except asyncio.CancelledError:
        if not expired:
            raise
        raise asyncio.TimeoutError from None
    finally:
        timer.cancel()


class DeadlinePassed(Exception):
    """The request's time is over."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        """How long the request was allowed to take."""


class ClientGone(Exception):
    """The client closed the connection before it had its answer."""


class Patience:
    """Watches one request whose body has been read; used as an async context manager around its waits.

    The request may take as long as its urgency says from `started`, a time of the monotonic clock.
    """

    def __init__(self, request: Request, started: float, urgency: Urgency) -> None:
        self._request = request
        self._started = started
        self.urgency = urgency

    @property
    def deadline(self) -> float:
        """When the request's time is over, on the monotonic clock."""
        return self._started + self.urgency.seconds

    async def __aenter__(self) -> Patience:
        # After the body, the next thing that can be received is the disconnect.
        self._gone: asyncio.Future[Any] = asyncio.ensure_future(self._request.receive())
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._gone.cancel()

    async def wait(self, outcome: asyncio.Future[T]) -> T:
        """The outcome's result. Else cancels it and raises DeadlinePassed or ClientGone."""
        try:
            if not outcome.done():
                await self._first_of(outcome)
            if outcome.done():
                return outcome.result()
        finally:
            outcome.cancel()  # without effect on one that is done
        raise ClientGone if self._gone.done() else DeadlinePassed(self.urgency.seconds)

    async def _first_of(self, outcome: asyncio.Future[T]) -> None:
        """Until the outcome, the client's going or the deadline; what asyncio.wait does, for these alone."""
        loop = asyncio.get_running_loop()
        happened: asyncio.Future[None] = loop.create_future()

        def wake(_: object = None) -> None:
            if not happened.done():
                happened.set_result(None)

        outcome.add_done_callback(wake)
        self._gone.add_done_callback(wake)
        timer = loop.call_later(max(0.0, self.deadline - time.monotonic()), wake)
        try:
            await happened
        finally:
            timer.cancel()
            outcome.remove_done_callback(wake)
            self._gone.remove_done_callback(wake)
