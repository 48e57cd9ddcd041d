"""Waiting for an outcome, the deadline or the client's going away, whichever comes first."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Any, Optional, Type, TypeVar

from fastapi import Request

T = TypeVar("T")


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

    The request may take `seconds` from `started`, a time of the monotonic clock.
    """

    def __init__(self, request: Request, started: float, seconds: float) -> None:
        self._request = request
        self._started = started
        self.seconds = seconds

    @property
    def deadline(self) -> float:
        """When the request's time is over, on the monotonic clock."""
        return self._started + self.seconds

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
        remaining = self.deadline - time.monotonic()
        try:
            await asyncio.wait(
                {outcome, self._gone}, timeout=max(0.0, remaining), return_when=asyncio.FIRST_COMPLETED
            )
            if outcome.done():
                return outcome.result()
        finally:
            outcome.cancel()  # without effect on one that is done
        raise ClientGone if self._gone.done() else DeadlinePassed(self.seconds)
