"""Lets a client whose body is refused read why."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import Request
from starlette.requests import ClientDisconnect

LINGER_BYTES = 256_000_000
LINGER_S = 5.0
"""How much of a refused body is still taken in, and for how long, before the answer is sent."""

_OVER = "hotpath.body_is_over"


def body_is_over(request: Request) -> None:
    """Note that no more of the body is awaited.

    It was read to its end, and to ask for more would be to wait for the client to leave; or it was too slow.
    """
    request.scope[_OVER] = True


async def discard(request: Request) -> None:
    """Take in what the client still sends, within bounds and without keeping it.

    A connection that is closed on unread data is reset, and a client that sends first and reads afterwards
    finds the reset instead of the answer. A client that asks before it sends (Expect) has nothing under way.
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
