"""One connection to an application, over uvicorn as a worker runs it, in this process."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from typing import Any, AsyncIterator, Coroutine, Iterable, List, TypeVar

import uvicorn
import uvloop
from starlette.types import ASGIApp

from hotpath.http.protocol import Protocol, State

PATIENCE_S = 60.0
"""How long anything may take before a test gives up; never how long it should take."""

T = TypeVar("T")


def play(story: Coroutine[Any, Any, T]) -> T:
    """Run it on the event loop that workers have."""
    loop = uvloop.new_event_loop()
    try:
        return loop.run_until_complete(asyncio.wait_for(story, PATIENCE_S))
    finally:
        loop.close()


class Client:
    """The client's end."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        """Send all of it; what the other end does not take any more is lost."""
        with contextlib.suppress(ConnectionError):
            await self._loop.sock_sendall(self._end, data)

    async def read(self, until: bytes) -> bytes:
        """What comes up to these bytes, at once where they are empty."""
        found = b""
        while until not in found:
            data = await self._loop.sock_recv(self._end, 65536)
            assert data, f"the connection ended after {found!r}"
            found += data
        return found

    async def some(self) -> bytes:
        """What comes next; nothing at the end of the connection, a reset included."""
        try:
            return await self._loop.sock_recv(self._end, 65536)
        except ConnectionResetError:
            return b""

    async def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        return b"".join([data async for data in self._pieces()])

    async def _pieces(self) -> AsyncIterator[bytes]:
        while True:
            data = await self._loop.sock_recv(self._end, 65536)
            if not data:
                return
            yield data

    def close(self) -> None:
        """Leave."""
        self._end.close()


@contextlib.asynccontextmanager
async def connected(app: ASGIApp, keep_alive_s: float = PATIENCE_S) -> AsyncIterator[Client]:
    """A client of `app`."""
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=keep_alive_s,  # type: ignore[arg-type]  # whole seconds would be long for a test
    )
    config.load()
    state = State()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.connect_accepted_socket(
        lambda: Protocol(config=config, server_state=state, app_state={}), theirs
    )
    client = Client(ours)
    try:
        yield client
    finally:
        client.close()
        for task in state.tasks:
            task.cancel()
        while state.connections or state.tasks:
            await asyncio.sleep(0.001)


async def exchange(app: ASGIApp, pieces: Iterable[bytes], keep_alive_s: float = PATIENCE_S) -> bytes:
    """What is answered to these pieces, up to the end, which the service must bring about."""
    async with connected(app, keep_alive_s) as client:
        for piece in pieces:
            await client.send(piece)
        return await client.rest()


def statuses(received: bytes) -> List[int]:
    """The status of each answer."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) [A-Z]", received)]
