"""Clients that ask before they send a body (Expect): told to go on, or refused and never heard of again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from support.application import application
from support.connection import connected, exchange, play, statuses

from hotpath.http.errors import Problem, answer
from hotpath.http.keys import KeyFile
from hotpath.http.observed import Observed
from hotpath.metrics.table import Table

EXPECT = b"Expect: 100-continue\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
FRAMINGS = {"measured": b"Content-Length: 3\r\n", "chunked": b"Transfer-Encoding: chunked\r\n"}
BODIES = {"measured": b"abc", "chunked": b"3\r\nabc\r\n0\r\n\r\n"}


def head(framing: str, expect: bytes = EXPECT, method: str = "POST", version: str = "1.1") -> bytes:
    line = f"{method} /predict HTTP/{version}\r\nHost: x\r\n".encode()
    return line + expect + FRAMINGS.get(framing, b"") + b"\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the path and the body."""
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"[{scope['path']} {body.decode()}]")(scope, receive, send)


def refusing(status: int) -> ASGIApp:
    """Refuses as every layer does."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await answer(Request(scope, receive), Problem(status, "code", f"[{scope['path']}]", ""))
        await response(scope, receive, send)

    return Observed(app, Table(1, [], 1, ["colours"]).workers[0])


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 415, 429, 500, 503])
def test_a_refusal_ends_the_connection(status: int, framing: str) -> None:
    received = play(exchange(refusing(status), [head(framing)]))
    assert statuses(received) == [status]
    assert b"\r\nconnection: close\r\n" in received


@pytest.mark.parametrize(
    ("path", "method", "key", "status"),
    [
        ("/predict", "POST", None, 401),
        ("/metrics", "POST", "camera", 403),
        ("/predict", "PUT", "camera", 405),
        ("/nowhere", "POST", "camera", 404),
        ("/livez", "GET", None, 200),
    ],
)
def test_so_does_any_answer_of_the_application(
    tmp_path: Path, path: str, method: str, key: str, status: int
) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text('[camera]\nkey = "%s"\n' % ("camera" * 8))
    keys.chmod(0o600)
    bearer = b"Authorization: Bearer %b\r\n" % (key.encode() * 8) if key else b""
    sent = head("measured", EXPECT + bearer, method).replace(b"/predict", path.encode())
    received = play(exchange(application(KeyFile(keys), auth={"protect_metrics": True}), [sent]))
    assert statuses(received) == [status]
    assert b"\r\nconnection: close\r\n" in received


def test_what_a_client_sends_after_a_refusal_is_no_request_and_resets_nothing() -> None:
    async def story() -> bytes:
        async with connected(refusing(413)) as client:
            await client.send(head("measured").replace(b": 3", b": 3000000"))
            received = await client.read(b"HTTP/1.1 413 ")
            await client.send(b"\0" * 1_000_000 + NEXT)  # its patience was over
            return received + await client.rest()

    received = play(story())
    assert statuses(received) == [413] and b"[/predict]" in received


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("expect", [EXPECT, EXPECT.upper(), b"Expect: 100-Continue , \r\n", EXPECT * 2])
def test_whoever_is_told_to_go_on_keeps_the_connection(framing: str, expect: bytes) -> None:
    async def story() -> None:
        async with connected(echo) as client:
            for _ in range(2):
                await client.send(head(framing, expect))
                assert await client.read(CONTINUE) == CONTINUE
                await client.send(BODIES[framing])
                assert b"connection" not in await client.read(b"[/predict abc]")
            await client.send(NEXT)
            await client.read(b"[/next ]")

    play(story())


@pytest.mark.parametrize("app", [echo, refusing(413)])
@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_body_that_is_there_needs_no_word_and_no_end(app: ASGIApp, framing: str) -> None:
    async def story() -> bytes:
        async with connected(app) as client:
            await client.send((head(framing) + BODIES[framing]) * 2 + NEXT)
            return await client.read(b"[/next")

    received = play(story())
    assert len(statuses(received)) == 3 and received.count(b"[/predict") == 2
    assert b"100 Continue" not in received and b"connection: close" not in received


def test_a_refusal_of_a_body_that_has_begun_leaves_the_connection() -> None:
    async def story() -> bytes:
        async with connected(refusing(413)) as client:
            await client.send(head("measured") + b"a")
            received = await client.read(b"[/predict]")
            await client.send(b"bc" + NEXT)
            return received + await client.read(b"[/next]")

    received = play(story())
    assert len(statuses(received)) == 2 and b"connection: close" not in received


def test_a_refusal_after_the_word_to_go_on_ends_the_connection_while_nothing_has_come() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        first = asyncio.ensure_future(request.receive())
        await asyncio.wait([first], timeout=0.01)
        first.cancel()
        await PlainTextResponse("too slow", 408)(scope, receive, send)

    received = play(exchange(app, [head("measured")]))
    assert received.startswith(CONTINUE + b"HTTP/1.1 408 ") and b"connection: close" in received


@pytest.mark.parametrize("app", [echo, refusing(405)])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_expectation_without_a_body_means_nothing(app: ASGIApp, method: str) -> None:
    async def story() -> bytes:
        async with connected(app) as client:
            await client.send(head("", method=method) + NEXT)
            return await client.read(b"[/next")

    received = play(story())
    assert len(statuses(received)) == 2 and b"connection: close" not in received


@pytest.mark.parametrize("app", [echo, refusing(413)])
def test_http_1_0_knows_no_expectation(app: ASGIApp) -> None:
    received = play(exchange(app, [head("measured", version="1.0"), b"abc"]))
    assert b"100 Continue" not in received and len(statuses(received)) == 1
    assert b"\r\nconnection: close\r\n" in received and b"[/predict" in received


@pytest.mark.parametrize("value", [b"200-ok", b"100-continue, more", b"100-continue; x=1"])
def test_another_expectation_is_417(value: bytes) -> None:
    received = play(exchange(echo, [head("measured", b"Expect: " + value + b"\r\n") + b"abc" + NEXT]))
    assert statuses(received) == [417]
    assert b"\r\nconnection: close\r\n" in received and value in received


def test_a_refusal_comes_behind_the_answers_before_it() -> None:
    received = play(exchange(refusing(413), [NEXT * 2 + head("measured")]))
    places = [received.index(name) for name in (b"[/next]", b"[/predict]")]
    assert places == sorted(places) and len(statuses(received)) == 3
    assert received.count(b"connection: close") == 1
