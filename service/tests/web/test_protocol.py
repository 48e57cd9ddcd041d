"""What is not a request yet is bounded, and requests in a row on one connection stay apart."""

from __future__ import annotations

import asyncio
import json
from typing import Any, List

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from support.connection import connected, exchange, play

from hotpath.http.framing import MOST_HEAD_BYTES

GET = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"POST /%s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the path and the length of the body."""
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"[{scope['path']} {len(body)}]")(scope, receive, send)


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers without a look at the body."""
    await PlainTextResponse("no", 403)(scope, receive, send)


class Held:
    """An application whose requests wait to be let go, or for their clients to leave."""

    def __init__(self) -> None:
        self.started: List[str] = []
        self.left: List[str] = []
        self.go = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await request.body()
        self.started.append(scope["path"])
        leaving = asyncio.ensure_future(request.receive())
        going = asyncio.ensure_future(self.go.wait())
        await asyncio.wait([leaving, going], return_when=asyncio.FIRST_COMPLETED)
        if leaving.done():
            self.left.append(scope["path"])
        leaving.cancel()
        going.cancel()
        await PlainTextResponse(f"[{scope['path']}]")(scope, receive, send)

    async def begun(self, count: int) -> None:
        while len(self.started) < count:
            await asyncio.sleep(0.001)


def error_of(answer: bytes) -> Any:
    return json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


LONG = b"x" * (MOST_HEAD_BYTES + 1)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nX: " + LONG + b"\r\n\r\n",
        b"GET /" + LONG + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * MOST_HEAD_BYTES + b"\r\n",
        b"GET / HTTP/1.1\r\nX: " + LONG * 100,
        LAST.replace(b"close", b"keep-alive") + b"GET / HTTP/1.1\r\nX: " + LONG * 10,
    ],
    ids=["header", "url", "headers", "endless", "second"],
)
@pytest.mark.parametrize("step", [1000, 10_000_000])
def test_a_head_that_is_too_large_is_refused(head: bytes, step: int) -> None:
    answer = play(exchange(echo, [head[at : at + step] for at in range(0, len(head), step)]))
    if b"/last" in head:
        first, separator, answer = answer.partition(b"[/last 0]")
        assert first.startswith(b"HTTP/1.1 200 ") and separator
    assert answer.startswith(b"HTTP/1.1 431 ") and b"\r\nconnection: close\r\n" in answer
    assert error_of(answer)["code"] == "head_too_large" and error_of(answer)["remedy"]


def test_a_head_that_is_just_not_too_large_is_taken() -> None:
    head = LAST[:-2] + b"X: " + b"x" * (MOST_HEAD_BYTES - 200) + b"\r\n\r\n"
    assert b"[/last 0]" in play(exchange(echo, [head]))


def test_what_follows_a_body_is_bounded_too() -> None:
    trailers = CHUNKED % b"" + b"2\r\nab\r\n0\r\n" + b"X: " + LONG * 10
    answer = play(exchange(echo, [trailers]))
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_bodies_are_not_counted() -> None:
    body = b"\0" * 1_000_000
    chunk = b"%x\r\n" % len(body) + body + b"\r\n"
    requests = [POST % (b"one", len(body)) + body, CHUNKED % b"two" + chunk * 2 + b"0\r\n\r\n", LAST]
    answer = play(exchange(echo, [b"".join(requests)]))
    assert b"[/one 1000000]" in answer and b"[/two 2000000]" in answer and b"[/last 0]" in answer


@pytest.mark.parametrize("piece", [b"", b"GET / HT"], ids=["nothing", "half a head"])
def test_a_new_connection_that_sends_no_whole_head_is_closed(piece: bytes) -> None:
    play(exchange(refuse, [piece], keep_alive_s=0.1))  # which waits for the end


@pytest.mark.parametrize(
    ("request_", "piece"),
    [(GET % b"", b"GET / HT"), (POST % (b"", 100), b"xx")],
    ids=["half a head", "half of a refused body"],
)
def test_an_answered_connection_that_sends_no_whole_head_is_closed(request_: bytes, piece: bytes) -> None:
    async def story() -> None:
        async with connected(refuse, keep_alive_s=0.1) as client:
            await client.send(request_)
            await client.read(b"\r\n\r\nno")
            await client.send(piece)
            await client.rest()  # which waits for the end

    play(story())


def test_a_head_that_trickles_in_is_not_awaited_for_ever() -> None:
    async def story() -> None:
        async with connected(echo, keep_alive_s=0.1) as client:
            await client.send(b"GET / HTTP/1.1\r\nX: ")
            # The end is a reset where the service has not read the last piece yet.
            end = asyncio.ensure_future(client.some())
            while not end.done():
                await client.send(b"x")
                await asyncio.sleep(0.01)
            assert await end == b""

    play(story())


def test_a_request_may_take_longer_than_its_head() -> None:
    async def story() -> None:
        app = Held()
        async with connected(app, keep_alive_s=0.05) as client:
            await client.send(POST % (b"slow", 2) + b"x")
            await asyncio.sleep(0.2)
            await client.send(b"x")
            await app.begun(1)
            await asyncio.sleep(0.2)
            app.go.set()
            await client.read(b"[/slow]")

    play(story())


@pytest.mark.parametrize(("path", "is_text"), [(b"", False), (b"v2/health/live", True)])
def test_what_is_not_http_is_told_so(path: bytes, is_text: bool) -> None:
    answer = play(exchange(echo, [b"GET /" + path + b" HTTP/1.1\r\n bad\x00\r\n\r\n"]))
    assert answer.startswith(b"HTTP/1.1 400 ")
    error = error_of(answer)
    assert isinstance(error, str) if is_text else error["code"] == "malformed_request"


def test_a_body_that_is_not_http_is_told_so_at_once() -> None:
    answer = play(exchange(echo, [CHUNKED % b"" + b"2\r\nab\r\nnot a length\r\n"]))
    assert answer.startswith(b"HTTP/1.1 400 ") and answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "behind",
    [b"\x00garbage\r\n\r\n", CHUNKED % b"two" + b"not a length\r\n", GET[:-2] % b"two" + LONG * 10],
    ids=["garbage", "a spoilt body", "a long head"],
)
def test_an_answer_goes_out_before_what_came_behind_its_request_ends_the_connection(behind: bytes) -> None:
    async def story() -> bytes:
        app = Held()
        async with connected(app) as client:
            await client.send(GET % b"one")
            await app.begun(1)
            await client.send(behind)
            await asyncio.sleep(0.05)
            app.go.set()
            answer = await client.rest()
            assert app.started == ["/one"] and app.left == []
            return answer

    answer = play(story())
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"[/one]")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_every_request_of_a_client_that_has_gone_learns_it() -> None:
    async def story() -> None:
        app = Held()
        async with connected(app) as client:
            await client.send(b"".join(GET % name for name in (b"one", b"two", b"three")))
            await app.begun(1)
            client.close()
            while app.left != ["/one"]:
                await asyncio.sleep(0.001)
        assert app.started == ["/one"]

    play(story())


def test_requests_in_a_row_are_answered_in_their_order() -> None:
    names = [b"%d" % number for number in range(20)]
    answer = play(exchange(echo, [b"".join(GET % name for name in names) + LAST]))
    places = [answer.index(b"[/%s 0]" % name) for name in [*names, b"last"]]
    assert places == sorted(places)


async def mirror(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the body."""
    await PlainTextResponse(await Request(scope, receive).body())(scope, receive, send)


@pytest.mark.parametrize("step", [1_000, 30_000, 70_000, 1_000_000])
def test_a_body_is_what_was_sent_in_whatever_pieces_it_came(step: int) -> None:
    body = bytes(range(251)) * 1000
    sent = POST % (b"x", len(body)) + body
    answer = play(exchange(mirror, [*(sent[at : at + step] for at in range(0, len(sent), step)), LAST]))
    assert answer.partition(b"\r\n\r\n")[2].startswith(body)


def test_of_a_body_that_nobody_takes_yet_little_is_kept() -> None:
    taken: List[int] = []

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.1)
        message = await receive()
        taken.append(len(message["body"]))
        while message.get("more_body"):
            message = await receive()
            taken.append(len(message["body"]))
        await PlainTextResponse("[late]")(scope, receive, send)

    size = 10_000_000
    answer = play(exchange(late, [POST % (b"x", size) + bytes(size), LAST]))
    assert b"[late]" in answer
    assert sum(taken) == size and max(taken) < 1_000_000
