"""Lets a client whose body is refused read why.

A connection that is closed on unread data is reset, and a client that sends first and reads afterwards finds
the reset instead of the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Callable

from fastapi import Request
from starlette.requests import ClientDisconnect
from typing_extensions import override

from hotpath.http.joined import JoinedWrites

LINGER_BYTES = 256_000_000
LINGER_S = 5.0
"""How much of a refused body is still taken in, and for how long, before the answer is sent."""
END_S = 2.0
"""How long what still comes behind the last answer of a connection is dropped, before it is closed."""

_OVER = "hotpath.body_is_over"


def body_is_over(request: Request) -> None:
    """Note that no more of the body is awaited.

    It was read to its end, and to ask for more would be to wait for the client to leave; or it was too slow.
    """
    request.scope[_OVER] = True


async def discard(request: Request) -> None:
    """Take in what the client still sends, within bounds and without keeping it.

    A client that asks before it sends (Expect) has nothing under way.
    """
    headers = request.headers
    announced = "content-length" in headers or "transfer-encoding" in headers
    if not announced or "expect" in headers or request.scope.get(_OVER):
        return

    async def drop() -> None:
        dropped = 0
        while dropped < LINGER_BYTES:
            message = await request.receive()
            if message["type"] != "http.request" or not message.get("more_body", False):
                return
            dropped += len(message.get("body", b""))

    with contextlib.suppress(asyncio.TimeoutError, ClientDisconnect):
        await asyncio.wait_for(drop(), LINGER_S)


class LingeringEnd(JoinedWrites):
    """A transport that a client may still be sending to when it is closed: its own end is ended first."""

    def __init__(self, transport: asyncio.Transport, is_sending: Callable[[], bool]) -> None:
        super().__init__(transport)
        self._is_sending = is_sending
        self._ended = False

    def is_closing(self) -> bool:
        """Whether nothing can be written any more."""
        return self._ended or self._transport.is_closing()

    @override
    def close(self) -> None:
        """Send what was held back, and end; whoever still sends has a moment to read it."""
        if self._ended or self._transport.is_closing() or not self._is_sending():
            super().close()
            return
        self._ended = True
        self.write_eof()
        self._transport.resume_reading()
        self._loop.call_later(END_S, self._transport.close)
