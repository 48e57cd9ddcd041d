"""The end of a worker: whoever is connected is told, and nobody is waited for in vain."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any, Callable, List, Tuple

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from support.connection import PATIENCE_S, play

from hotpath.config import LimitsConfig
from hotpath.http.observed import Observed
from hotpath.http.protocol import Protocol
from hotpath.http.server import Server
from hotpath.http.uploads import Uploads
from hotpath.metrics.table import Table

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def started(
    app: ASGIApp, drain_s: int, is_draining: Callable[[], bool] = lambda: False
) -> Tuple[Server, socket.socket]:
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
    uploads = Uploads(LimitsConfig.model_validate({}), 1)
    server = Server(config, [listener], table, table.workers[0], uploads, is_draining)
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
        return await rest(client)

    head, _, body = play(story()).partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert lines[0].startswith(b"http/1.1 503 ")
    assert b"retry-after: 1" in lines and b"connection: close" in lines
    assert any(line.startswith(b"x-request-id: ") for line in lines)
    assert json.loads(body)["error"]["code"] == "shutting_down"


class Held:
    """Answers when it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.go.wait()
        await PlainTextResponse(scope["path"])(scope, receive, send)


async def rest(client: socket.socket) -> bytes:
    """What is answered up to the end of the connection."""
    answer, loop = b"", asyncio.get_running_loop()
    while True:
        data = await loop.sock_recv(client, 65536)
        if not data:
            return answer
        answer += data


def closing(answers: bytes) -> List[bool]:
    """Of each answer, whether it says that it is the last of its connection."""
    return [b"\r\nconnection: close\r\n" in answer for answer in answers.split(b"HTTP/1.1 200")[1:]]


@pytest.mark.parametrize("requests", [1, 3])
def test_the_last_answer_in_a_drain_says_that_it_is(requests: int) -> None:
    async def story() -> bytes:
        app = Held()
        server, client = await started(app, 60)
        await asyncio.get_running_loop().sock_sendall(client, GET * requests)
        while not server.server_state.tasks:
            await asyncio.sleep(0.001)
        ending = asyncio.ensure_future(server.shutdown())
        await asyncio.sleep(0)
        app.go.set()
        await ending
        return await rest(client)

    assert closing(play(story())) == [False] * (requests - 1) + [True]


def test_while_readiness_is_withdrawn_each_answer_is_the_last_and_who_is_idle_stays() -> None:
    async def story() -> None:
        loop, app, draining = asyncio.get_running_loop(), Held(), asyncio.Event()
        server, waiting = await started(app, 60, draining.is_set)
        idle = socket.create_connection(server._listeners[0].getsockname())
        idle.setblocking(False)
        await loop.sock_sendall(waiting, GET)
        while not server.server_state.tasks or len(server.server_state.connections) < 2:
            await asyncio.sleep(0.001)
        draining.set()
        await server.on_tick(1)
        app.go.set()
        assert closing(await rest(waiting)) == [True]
        await loop.sock_sendall(idle, GET * 2)
        assert closing(await rest(idle)) == [False, True]
        fresh = socket.create_connection(server._listeners[0].getsockname())
        fresh.setblocking(False)
        while not server.server_state.connections:
            await asyncio.sleep(0.001)
        await server.shutdown()
        assert await rest(fresh) == b""

    play(story())


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
