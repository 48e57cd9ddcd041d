"""No body is ever taken for a request: as many answers as requests, in order, or the connection ends."""

from __future__ import annotations

import logging
from typing import Any, Dict, List

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from support.connection import connected, exchange, play, statuses

H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
OFFERS = {
    "h2c": H2C,
    "websocket": b"Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n",
    "TLS": b"connection: upgrade\r\nupgrade: TLS/1.2, HTTP/1.3\r\n",
    "a name alone": b"Upgrade: h2c\r\n",
    "a connection alone": b"Connection: Upgrade\r\n",
    "two names": b"Upgrade: h2c\r\nUpgrade: websocket\r\nConnection: upgrade\r\nConnection: upgrade\r\n",
}
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def request(
    path: str, headers: bytes = b"", body: bytes = b"", method: str = "POST", version: str = "1.1"
) -> bytes:
    line = f"{method} {path} HTTP/{version}\r\nHost: x\r\n".encode()
    return line + headers + b"\r\n" + body


def measured(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n" % len(body)


def chunks(body: bytes, size: int = 7) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


CHUNKED = b"Transfer-Encoding: chunked\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it was asked: path, body, and which headers it saw."""
    asked = Request(scope, receive)
    body = await asked.body()
    names = ",".join(sorted(asked.headers.keys()))
    await PlainTextResponse(f"[{scope['path']} {len(body)} {names}]")(scope, receive, send)


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers without a look at the body."""
    await PlainTextResponse(f"[{scope['path']} no]", 403)(scope, receive, send)


def answers(received: bytes) -> List[str]:
    """What each answer's body says, as far as it names the path."""
    return [piece.partition(b" ")[0].decode() for piece in received.split(b"[")[1:]]


def pieces(data: bytes, how: str) -> List[bytes]:
    """The whole at once, head and rest, or byte by byte."""
    if how == "one write":
        return [data]
    if how == "bytes":
        return [data[at : at + 1] for at in range(len(data))]
    end = data.index(b"\r\n\r\n") + 4
    return [data[:end], data[end:]]


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
@pytest.mark.parametrize("how", ["one write", "two writes", "bytes"])
@pytest.mark.parametrize("framing", ["measured", "chunked"])
def test_an_offer_of_another_protocol_changes_nothing(offer: bytes, how: str, framing: str) -> None:
    headers = measured(HIDDEN) if framing == "measured" else CHUNKED
    body = HIDDEN if framing == "measured" else chunks(HIDDEN)
    sent = request("/first", offer + headers, body) + request("/second", offer, method="GET") + LAST
    received = play(exchange(echo, pieces(sent, how)))
    assert answers(received) == ["/first", "/second", "/last"]
    assert b"[/first %d " % len(HIDDEN) in received and statuses(received) == [200] * 3


@pytest.mark.parametrize("app", [echo, refuse])
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "POST", "PUT"])
def test_a_body_belongs_to_its_request_whatever_the_method(app: Any, method: str) -> None:
    for headers, body in ((measured(HIDDEN), HIDDEN), (CHUNKED, chunks(HIDDEN))):
        received = play(exchange(app, [request("/first", H2C + headers, body, method) + LAST]))
        assert answers(received) == (["/last"] if method == "HEAD" else ["/first", "/last"])
        assert len(statuses(received)) == 2


def test_many_offers_in_one_write_are_each_answered() -> None:
    sent = b"".join(request(f"/{number}", H2C + measured(HIDDEN), HIDDEN) for number in range(50)) + LAST
    assert answers(play(exchange(echo, [sent]))) == [*(f"/{number}" for number in range(50)), "/last"]


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_a_client_that_offers_and_wants_to_end_gets_both(version: str) -> None:
    offer = b"Upgrade: h2c\r\nConnection: close, upgrade\r\n"
    received = play(
        exchange(echo, [request("/only", offer + measured(b"abc"), b"abc", version=version) + LAST])
    )
    assert answers(received) == ["/only"] and b"connection: close" in received


def test_an_offer_is_nothing_to_log(caplog: pytest.LogCaptureFixture) -> None:
    play(exchange(echo, [request("/first", H2C + measured(b"abc"), b"abc") + LAST]))
    assert caplog.text == ""


def test_a_head_with_an_offer_is_bounded_as_any_other() -> None:
    sent = request("/", H2C + b"X: " + b"x" * 100_000 + b"\r\n" + measured(b"abc"), b"abc")
    assert play(exchange(echo, [sent])).startswith(b"HTTP/1.1 431 ")


REFUSED: Dict[str, bytes] = {
    "two lengths": measured(HIDDEN) + measured(b""),
    "two same lengths": measured(HIDDEN) * 2,
    "a list of lengths": b"Content-Length: 3, 3\r\n",
    "length and chunks": measured(HIDDEN) + CHUNKED,
    "chunks and length": CHUNKED + measured(HIDDEN),
    "a length with a sign": b"Content-Length: +3\r\n",
    "a hexadecimal length": b"Content-Length: 0x3\r\n",
    "two numbers": b"Content-Length: 3 3\r\n",
    "a negative length": b"Content-Length: -1\r\n",
    "a length beyond 64 bits": b"Content-Length: 99999999999999999999\r\n",
    "no length": b"Content-Length:\r\n",
    "a coding beside chunks": b"Transfer-Encoding: gzip, chunked\r\n",
    "a coding in a field of its own": b"Transfer-Encoding: gzip\r\n" + CHUNKED,
    "chunks twice": CHUNKED * 2,
    "chunks not last": b"Transfer-Encoding: chunked, identity\r\n",
    "identity": b"Transfer-Encoding: identity\r\n",
    "identity and chunks": b"Transfer-Encoding: identity\r\n" + CHUNKED,
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n",
    "no coding": b"Transfer-Encoding:\r\n",
    "a quoted coding": b'Transfer-Encoding: "chunked"\r\n',
    "a coding with a parameter": b"Transfer-Encoding: chunked;q=1\r\n",
    "a folded coding": b"Transfer-Encoding:\r\n chunked\r\n",
    "a folded field": b"X: a\r\n Transfer-Encoding: chunked\r\n",
    "a space before the colon": b"Transfer-Encoding : chunked\r\n",
    "a tab before the colon": b"Content-Length\t: 3\r\n",
    "a line feed alone": b"X: a\nContent-Length: 3\r\n",
    "a carriage return alone": b"X: a\rContent-Length: 3\r\n",
    "NUL": b"X: a\0b\r\n",
    "a vertical tab": b"Transfer-Encoding:\x0bchunked\r\n",
}


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("offer", [b"", H2C], ids=["plain", "offer"])
def test_a_head_that_others_could_read_otherwise_ends_the_connection(headers: bytes, offer: bytes) -> None:
    sent = request("/first", method="GET") + request("/doubtful", offer + headers, chunks(HIDDEN)) + LAST
    received = play(exchange(echo, [sent]))
    assert answers(received) == ["/first"]
    for how in ("one write", "bytes"):
        received = play(exchange(echo, pieces(request("/doubtful", offer + headers, HIDDEN) + LAST, how)))
        assert statuses(received) in ([400], [501])
        assert b"\r\nconnection: close\r\n" in received and answers(received) == []


@pytest.mark.parametrize(
    "body",
    [
        b"ffffffffffffffff0\r\n" + HIDDEN,
        b"-1\r\n" + HIDDEN,
        b"0x5\r\nabcde\r\n0\r\n\r\n",
        b"5\nabcde\n0\n\n",
        b"5 \r\nabcde\r\n0\r\n\r\n",
        b"5\r\nabcde" + HIDDEN,
        b"5\r\nabcde\n0\r\n\r\n",
        b"5;a\nabcde\r\n0\r\n\r\n",
        b"0\r\nContent-Length: 9\r\n\r\n" + HIDDEN,
        b"0\r\nTransfer-Encoding: chunked\r\n\r\n" + HIDDEN,
        b"0\r\n\n" + HIDDEN,
    ],
)
def test_chunks_that_are_none_end_the_connection(body: bytes) -> None:
    for app in (echo, refuse):
        received = play(exchange(app, [request("/first", CHUNKED, body) + LAST]))
        assert statuses(received) == [400]


def test_a_request_that_is_answered_gets_no_second_answer_for_its_spoilt_body() -> None:
    async def story() -> bytes:
        async with connected(refuse) as client:
            await client.send(request("/first", CHUNKED, b"3\r\nabc\r\n"))
            received = await client.read(b"[/first no]")
            await client.send(b"no chunk\r\n" + LAST)
            return received + await client.rest()

    assert statuses(play(story())) == [403]


def test_what_follows_the_chunks_is_no_part_of_the_head() -> None:
    trailers = b"3;name=value\r\nabc\r\n0\r\nAuthorization: Bearer x\r\nExpect: anything\r\n" + H2C + b"\r\n"
    received = play(exchange(echo, [request("/first", CHUNKED, trailers) + LAST]))
    assert answers(received) == ["/first", "/last"]
    assert b"[/first 3 host,transfer-encoding]" in received


@pytest.mark.parametrize("app", [echo, refuse])
def test_an_end_that_is_wanted_behind_the_chunks_comes(app: Any) -> None:
    """To the parser nothing is a request from then on."""

    async def story() -> bytes:
        async with connected(app) as client:
            await client.send(request("/first", CHUNKED, b"3\r\nabc\r\n"))
            received = await client.read(b"]") if app is refuse else b""
            await client.send(b"0\r\nConnection: close\r\n\r\n" + HIDDEN)
            return received + await client.rest()

    assert answers(play(story())) == ["/first"]


@pytest.mark.parametrize("value", [b"close", b"Close", b"TE, close", b"close, TE"])
def test_an_end_that_is_wanted_is_told_and_comes(value: bytes) -> None:
    received = play(
        exchange(echo, [request("/only", b"Connection: " + value + b"\r\n", method="GET") + LAST])
    )
    assert answers(received) == ["/only"] and received.count(b"\r\nconnection: close\r\n") == 1


@pytest.mark.parametrize("headers", [b"", b"Connection: keep-alive\r\n"])
def test_an_http_1_0_client_has_one_request_a_connection(headers: bytes) -> None:
    sent = request("/only", headers + measured(b"abc"), b"abc", version="1.0") + LAST
    received = play(exchange(echo, [sent]))
    assert answers(received) == ["/only"] and received.count(b"\r\nconnection: close\r\n") == 1


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 505),
        (request("/", version="2.0") + LAST, 505),
        (request("/", version="0.9") + LAST, 505),
        (b"GET /\r\n\r\n" + LAST, 505),
        (b"CONNECT other:443 HTTP/1.1\r\nHost: other\r\n\r\n" + HIDDEN, 501),
        (request("/", measured(HIDDEN), HIDDEN, "CONNECT"), 501),
    ],
)
def test_what_is_another_protocol_is_told_so_once(sent: bytes, status: int) -> None:
    for how in ("one write", "bytes"):
        received = play(exchange(echo, pieces(sent, how)))
        assert statuses(received) == [status] and answers(received) == []


@pytest.mark.parametrize("size", [10, 60_000, 70_000, 1_000_000])
@pytest.mark.parametrize("kind", ["garbage", "a bad head", "a bad line"])
@pytest.mark.parametrize("step", [7_000, 10_000_000])
def test_what_is_refused_is_one_short_line_in_the_log(
    caplog: pytest.LogCaptureFixture, size: int, kind: str, step: int
) -> None:
    starts = {"garbage": b"\x16\x03\x01", "a bad head": b"GET / HTTP/1.1\r\nX: ", "a bad line": b"GET /"}
    data = starts[kind] + b"x" * size + b"\0\r\n\r\n"
    received = play(exchange(echo, [data[at : at + step] for at in range(0, len(data), step)]))
    assert statuses(received) in ([400], [431])
    (record,) = caplog.records
    assert record.levelno == logging.WARNING and record.exc_info is None
    assert len(record.getMessage()) < 200 and "\n" not in record.getMessage()
