"""Workers share out the connections of one listener."""

from __future__ import annotations

import asyncio
import socket
from typing import Callable, List, Optional, cast

import pytest

from hotpath.http import accepting
from hotpath.http.accepting import SLACK, Acceptor


class Held(asyncio.Protocol):
    """A connection that counts for one worker."""

    def __init__(self, mine: List[Held]) -> None:
        self._mine = mine

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.lost = asyncio.Event()
        self._mine.append(self)

    def connection_lost(self, error: Optional[Exception]) -> None:
        self.lost.set()


@pytest.fixture
def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def acceptor(
    listener: socket.socket,
    mine: List[Held],
    fewest: Callable[[], float],
    room: Callable[[], bool] = lambda: True,
) -> Acceptor:
    return Acceptor([listener], lambda: Held(mine), lambda: len(mine), fewest, unread_s=60.0, has_room=room)


async def come(listener: socket.socket, count: int) -> List[socket.socket]:
    """So many clients, one after the other."""
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(count):
        client = socket.socket()
        client.setblocking(False)
        await loop.sock_connect(client, listener.getsockname())
        clients.append(client)
    return clients


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("count", [16, 500])
def test_two_workers_get_about_half_each(count: int, listener: socket.socket) -> None:
    async def run() -> None:
        here: List[Held] = []
        there: List[Held] = []
        workers: List[Acceptor] = []
        workers.append(acceptor(listener, here, lambda: workers[1].held))
        # As after a fork: another descriptor of the same listener.
        workers.append(acceptor(listener.dup(), there, lambda: workers[0].held))
        for worker in workers:
            worker.start()
        clients = await come(listener, count)
        await until(lambda: len(here) + len(there) == count)
        assert abs(len(here) - len(there)) <= 2 + count // SLACK
        for worker in workers:
            worker.stop()
        for client in clients:
            client.close()

    asyncio.run(run())


def test_nobody_waits_for_a_worker_that_is_stuck(listener: socket.socket) -> None:
    async def run() -> None:
        mine: List[Held] = []
        worker = acceptor(listener, mine, lambda: 0)
        worker.start()
        clients = await come(listener, 4)
        await until(lambda: len(mine) == 4)
        assert worker.held == 4
        worker.stop()
        for client in clients:
            client.close()

    asyncio.run(run())


def test_after_the_stop_nothing_is_taken(listener: socket.socket) -> None:
    async def run() -> None:
        mine: List[Held] = []
        worker = acceptor(listener, mine, lambda: 0)
        worker.start()
        first = await come(listener, 1)
        await until(lambda: len(mine) == 1)
        second = await come(listener, 1)  # it holds more than the other: the connection is left to that
        worker.stop()
        await asyncio.sleep(0.05)
        assert len(mine) == 1
        for client in first + second:
            client.close()

    asyncio.run(run())


def test_without_room_nothing_is_taken_until_there_is_some(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting, "EXHAUSTED_S", 0.001)

    async def run() -> None:
        mine: List[Held] = []
        asked: List[int] = []

        def has_room() -> bool:
            asked.append(len(mine))
            return len(asked) > 3

        worker = acceptor(listener, mine, lambda: float("inf"), has_room)
        worker.start()
        clients = await come(listener, 1)
        await until(lambda: len(mine) == 1)
        assert len(asked) > 3
        worker.stop()
        for client in clients:
            client.close()

    asyncio.run(run())


def test_a_client_that_never_reads_is_the_kernels_to_drop(listener: socket.socket) -> None:
    async def run() -> None:
        mine: List[Held] = []
        worker = Acceptor(
            [listener], lambda: Held(mine), lambda: len(mine), lambda: float("inf"), unread_s=0.5
        )
        worker.start()
        (client,) = await come(listener, 1)
        await until(lambda: len(mine) == 1)
        worker.stop()
        mine[0].transport.write(bytes(20_000_000))  # more than the kernel takes
        await mine[0].lost.wait()
        client.close()

    asyncio.run(asyncio.wait_for(run(), 60.0))
