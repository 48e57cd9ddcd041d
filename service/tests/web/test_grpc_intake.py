"""Messages on their way are bounded by the memory for bodies, and the slow give way to those that wait."""

from __future__ import annotations

import asyncio
from typing import Any, Awaitable, Callable, Dict, List

import pytest

from hotpath.config import LimitsConfig
from hotpath.http import uploads
from hotpath.http.errors import Problem
from hotpath.http.grpc import intake
from hotpath.http.grpc.intake import Intake


def limits(**changes: int) -> LimitsConfig:
    return LimitsConfig.model_validate({"body_bytes": 1000_000, "transit_bytes": 4000_000, **changes})


def test_so_many_may_be_on_their_way_as_their_memory_holds() -> None:
    assert Intake(limits(), 2, 60.0).seats == 2
    assert Intake(limits(transit_bytes=1024), 2, 60.0).seats == 1


def play(work: Callable[[], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        return await asyncio.wait_for(work(), 60.0)

    return asyncio.run(whole())


class Client:
    """Messages that come when the test says so."""

    def __init__(self) -> None:
        self.sent: Dict[str, asyncio.Future[bytes]] = {}

    def read(self, name: str) -> Callable[[], Awaitable[bytes]]:
        def begin() -> Awaitable[bytes]:
            self.sent[name] = asyncio.get_running_loop().create_future()
            return self.sent[name]

        return begin


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_message_is_asked_for_when_there_is_room() -> None:
    async def work() -> None:
        room, client = Intake(limits(), 2, 60.0), Client()
        waiting = [asyncio.ensure_future(room.receive(client.read(name))) for name in "abc"]
        await settle()
        assert list(client.sent) == ["a", "b"]
        client.sent["b"].set_result(b"B")
        await settle()
        assert list(client.sent) == ["a", "b", "c"]
        client.sent["c"].set_result(b"C")
        client.sent["a"].set_result(b"A")
        assert await asyncio.gather(*waiting) == [b"A", b"B", b"C"]

    play(work)


def test_the_slowest_gives_way_to_those_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "SLOW_S", 0.05)
    assert uploads.SLOW_S == 1.0

    async def work() -> None:
        room, client = Intake(limits(), 4, 60.0), Client()
        slow = asyncio.ensure_future(room.receive(client.read("slow")))
        await settle()
        waiting = asyncio.ensure_future(room.receive(client.read("next")))
        with pytest.raises(Problem) as refused:
            await slow
        assert refused.value.status == 408
        await settle()
        client.sent["next"].set_result(b"here")
        assert await waiting == b"here"

    play(work)


def test_nobody_may_take_for_ever() -> None:
    async def work() -> None:
        with pytest.raises(Problem) as refused:
            await Intake(limits(), 1, 0.05).receive(Client().read("never"))
        assert refused.value.status == 408

    play(work)


def test_a_client_that_goes_leaves_its_room(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> List[bytes]:
        room, client = Intake(limits(), 4, 60.0), Client()
        gone = asyncio.ensure_future(room.receive(client.read("gone")))
        await settle()
        waiting = asyncio.ensure_future(room.receive(client.read("next")))
        gone.cancel()
        await settle()
        client.sent["next"].set_result(b"here")
        return [await waiting]

    assert play(work) == [b"here"]
