"""What is read of a request, and what is still awaited of one that is refused."""

from __future__ import annotations

import asyncio
from typing import List, Type

import pytest
from starlette.requests import Request
from starlette.types import Message

from hotpath.http.body import read_image
from hotpath.http.errors import Problem
from hotpath.http.linger import discard
from hotpath.http.waiting import DeadlinePassed

FORM = b"multipart/form-data; boundary=b"


def _request(messages: List[Message], kind: bytes = FORM) -> Request:
    async def receive() -> Message:
        assert messages, "nothing more is to be awaited: the next to come is the client's going away"
        return messages.pop(0)

    headers = [(b"content-type", kind), (b"content-length", b"100")]
    return Request({"type": "http", "method": "POST", "path": "/predict", "headers": headers}, receive)


def _part(body: bytes, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_that_its_last_part_spoils_is_refused_without_awaiting_more() -> None:
    async def play() -> None:
        request = _request([_part(b"not a boundary", more=False)])
        with pytest.raises(Problem) as refused:
            await read_image(request, 1000, 10.0, 10.0)
        assert refused.value.code == "malformed_multipart"
        await discard(request)

    asyncio.run(play())


def test_what_follows_a_spoilt_part_is_taken_in_and_dropped() -> None:
    async def play() -> None:
        messages = [_part(b"not a boundary", more=True), _part(b"x", more=True), _part(b"y", more=False)]
        request = _request(messages)
        with pytest.raises(Problem):
            await read_image(request, 1000, 10.0, 10.0)
        await discard(request)
        assert messages == []

    asyncio.run(play())


def test_parts_of_a_body_are_put_together() -> None:
    messages = [_part(b"ab", more=True), _part(b"", more=True), _part(b"c", more=False)]
    assert asyncio.run(read_image(_request(messages, b"image/png"), 1000, 10.0, 10.0)) == b"abc"


@pytest.mark.parametrize(
    ("seconds", "deadline_s", "error"),
    [(60.0, 0.01, DeadlinePassed), (0.01, 0.01, Problem), (0.01, 60.0, Problem)],
)
def test_a_body_is_awaited_until_the_deadline_at_most(
    seconds: float, deadline_s: float, error: Type[Exception]
) -> None:
    async def play() -> None:
        stalled = asyncio.Event()

        async def receive() -> Message:
            await stalled.wait()
            raise AssertionError("of a client that is too slow nothing more is awaited")

        headers = [(b"content-type", b"image/png"), (b"content-length", b"100")]
        request = Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)
        with pytest.raises(error) as told:
            await read_image(request, 1000, seconds, deadline_s)
        if isinstance(told.value, Problem):
            assert told.value.status == 408
        stalled.set()
        await discard(request)

    asyncio.run(asyncio.wait_for(play(), 60.0))
