"""The end of a worker: whoever is connected is told, and nobody is waited for in vain."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any, Tuple

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from support.connection import PATIENCE_S, play

from hotpath.config import LimitsConfig
from hotpath.http.observed import Observed
from hotpath.http.protocol import Protocol
from hotpath.http.server import Server
from hotpath.http.uploads import Uploads
from hotpath.metrics.table import Table

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def started(app: ASGIApp, drain_s: int) -> Tuple[Server, socket.socket]:
    """A server, and a client that has connected."""
    listener = socket.create_server(("127.0.0.1", 0))
    table = Table(1, [], 1, ["m"])
    config = uvicorn.Config(
        Observed(app, table.workers[0]),
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=drain_s,
    )
    config.load()
    server = Server(config, [listener], table, table.workers[0], Uploads(LimitsConfig.model_validate({}), 1))
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    client = socket.create_connection(listener.getsockname())
    client.setblocking(False)
    return server, client


async def stuck(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers never."""
    await asyncio.Event().wait()


def test_a_request_that_the_drain_cuts_off_is_told_to_come_back() -> None:
    async def story() -> bytes:
        server, client = await started(stuck, 1)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(client, GET)
        while not server.server_state.tasks:
            await asyncio.sleep(0.001)
        await server.shutdown()
        answer = b""
        while True:
            data = await loop.sock_recv(client, 65536)
            if not data:
                return answer
            answer += data

    head, _, body = play(story()).partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert lines[0].startswith(b"http/1.1 503 ")
    assert b"retry-after: 1" in lines and b"connection: close" in lines
    assert any(line.startswith(b"x-request-id: ") for line in lines)
    assert json.loads(body)["error"]["code"] == "shutting_down"


def test_a_connection_that_is_being_set_up_does_not_hold_up_the_drain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        connect, accepted = loop.connect_accepted_socket, asyncio.Event()

        async def slowly(*arguments: Any) -> Any:
            accepted.set()
            await asyncio.sleep(0.1)
            return await connect(*arguments)

        server, client = await started(stuck, int(10 * PATIENCE_S))
        monkeypatch.setattr(server._acceptor, "_loop", Slow(loop, slowly))
        await accepted.wait()
        await server.shutdown()
        assert await loop.sock_recv(client, 1) == b""

    play(story())


class Slow:
    """An event loop on which connections are set up in another way."""

    def __init__(self, loop: asyncio.AbstractEventLoop, connect: Any) -> None:
        self._loop = loop
        self.connect_accepted_socket = connect

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)
