"""What is read of a request, and what is still awaited of one that is refused."""

from __future__ import annotations

import asyncio
import time
from typing import List

import pytest
from starlette.requests import Request
from starlette.types import Message

from hotpath.config import LimitsConfig
from hotpath.http.body import kind_of, read_content
from hotpath.http.errors import Problem
from hotpath.http.linger import discard
from hotpath.http.uploads import Uploads
from hotpath.http.urgency import Urgency
from hotpath.tasks.pictures import CONTENT

FORM = b"multipart/form-data; boundary=b"


def _request(messages: List[Message], kind: bytes = FORM) -> Request:
    async def receive() -> Message:
        assert messages, "nothing more is to be awaited: the next to come is the client's going away"
        return messages.pop(0)

    headers = [(b"content-type", kind), (b"content-length", b"100")]
    return Request({"type": "http", "method": "POST", "path": "/predict", "headers": headers}, receive)


async def _read(request: Request) -> bytes:
    uploads = Uploads(LimitsConfig.model_validate({}), 1)
    upload = uploads.begin(request, Urgency(10.0), time.monotonic())
    found = await read_content(request, kind_of(request, CONTENT), 1000, upload)
    assert isinstance(found, bytes)
    return found


def _part(body: bytes, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_that_its_last_part_spoils_is_refused_without_awaiting_more() -> None:
    async def play() -> None:
        request = _request([_part(b"not a boundary", more=False)])
        with pytest.raises(Problem) as refused:
            await _read(request)
        assert refused.value.code == "malformed_multipart"
        await discard(request)

    asyncio.run(play())


def test_what_follows_too_much_is_taken_in_and_dropped() -> None:
    async def play() -> None:
        messages = [_part(bytes(100_000), more=True), _part(b"x", more=True), _part(b"y", more=False)]
        request = _request(messages)
        with pytest.raises(Problem, match="larger than 1000 bytes"):
            await _read(request)
        await discard(request)
        assert messages == []

    asyncio.run(play())


def test_parts_of_a_body_are_put_together() -> None:
    messages = [_part(b"ab", more=True), _part(b"", more=True), _part(b"c", more=False)]
    assert asyncio.run(_read(_request(messages, b"image/png"))) == b"abc"
