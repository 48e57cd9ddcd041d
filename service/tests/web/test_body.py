"""What is read of a request, and what is still awaited of one that is refused."""

from __future__ import annotations

import asyncio
from typing import List

import pytest
from starlette.requests import Request
from starlette.types import Message

from hotpath.http.body import read_image
from hotpath.http.errors import Problem
from hotpath.http.linger import discard

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
            await read_image(request, 1000, 10.0)
        assert refused.value.code == "malformed_multipart"
        await discard(request)

    asyncio.run(play())


def test_what_follows_a_spoilt_part_is_taken_in_and_dropped() -> None:
    async def play() -> None:
        messages = [_part(b"not a boundary", more=True), _part(b"x", more=True), _part(b"y", more=False)]
        request = _request(messages)
        with pytest.raises(Problem):
            await read_image(request, 1000, 10.0)
        await discard(request)
        assert messages == []

    asyncio.run(play())


def test_parts_of_a_body_are_put_together() -> None:
    messages = [_part(b"ab", more=True), _part(b"", more=True), _part(b"c", more=False)]
    assert asyncio.run(read_image(_request(messages, b"image/png"), 1000, 10.0)) == b"abc"
