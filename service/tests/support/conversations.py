"""Several requests on one connection, of every kind that HTTP allows and some that it does not.

The rule of `judge`: as many answers as requests, in order, or the connection ends. Each request carries its
number as its id.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Tuple

from hypothesis import strategies as st

from support.connection import Client

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\nX-Request-Id: hidden\r\n\r\n"
BODIES = (b"", b"abc", HIDDEN, HIDDEN * 3, b"0\r\n\r\n" + HIDDEN, b"\r\n\r\n" + HIDDEN, b"x" * 5000)
OFFERS = (
    b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n",
    b"Connection: keep-alive, upgrade\r\nUpgrade: websocket\r\n",
    b"Upgrade: TLS/1.3\r\n",
    b"Connection: upgrade\r\n",
)
# What is refused before it is a request: headers, and a body that would be read differently by others.
DOUBTFUL = (
    (b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + HIDDEN),
    (b"Content-Length: 3\r\nContent-Length: 4\r\n", b"abc" + HIDDEN),
    (b"Content-Length: +3\r\n", b"abc" + HIDDEN),
    (b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n" + HIDDEN),
    (b"Transfer-Encoding: identity\r\n", HIDDEN),
    (b"Transfer-Encoding:\r\n", HIDDEN),
    (b"Transfer-Encoding : chunked\r\n", HIDDEN),
    (b"X: y\r\n Content-Length: 3\r\n", HIDDEN),
    (b"X: y\nContent-Length: 3\r\n", HIDDEN),
    (b"Expect: the impossible\r\nContent-Length: 3\r\n", b"abc" + HIDDEN),
    (b"Transfer-Encoding: chunked\r\n", b"3\r\nabc" + HIDDEN),
    (b"Transfer-Encoding: chunked\r\n", b"3\nabc\n0\n\n" + HIDDEN),
    (b"Transfer-Encoding: chunked\r\n", b"fffffffffffffffff\r\n" + HIDDEN),
    (b"Transfer-Encoding: chunked\r\n", b"0\r\nContent-Length: 3\r\n\r\n" + HIDDEN),
)


@dataclass(frozen=True)
class Ask:
    """One request."""

    path: str
    method: str = "POST"
    body: bytes = b""
    chunks: int = 0
    """The size of its chunks; 0 for a body with a length, and no framing at all where there is no body."""
    extras: bytes = b""
    """Further headers."""
    trailers: bytes = b""
    expect: str = ""
    """Whether it asks before it sends, and then "waits" for the word or is "hasty" and sends at once."""
    ends: bool = False
    """Whether it is to be the last."""
    version: str = "1.1"
    doubtful: int = -1
    """Which of DOUBTFUL it is."""

    def head(self, number: int) -> bytes:
        """Its line and headers."""
        lines = [
            f"{self.method} {self.path} HTTP/{self.version}\r\nHost: x\r\nX-Request-Id: {number}\r\n".encode()
        ]
        lines.append(self.extras)
        if self.expect:
            lines.append(b"Expect: 100-continue\r\n")
        if self.ends:
            lines.append(b"Connection: Close\r\n")
        if self.doubtful >= 0:
            lines.append(DOUBTFUL[self.doubtful][0])
        elif self.chunks:
            lines.append(b"Transfer-Encoding: chunked\r\n")
        elif self.body:
            lines.append(b"Content-Length: %d\r\n" % len(self.body))
        return b"".join(lines) + b"\r\n"

    def rest(self) -> bytes:
        """Its body as it is sent."""
        if self.doubtful >= 0:
            return DOUBTFUL[self.doubtful][1]
        if not self.chunks:
            return self.body
        pieces = [self.body[at : at + self.chunks] for at in range(0, len(self.body), self.chunks)]
        sent = b"".join(b"%x;n=v\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        return sent + b"0\r\n" + self.trailers + b"\r\n"

    @property
    def is_last(self) -> bool:
        """Whether no answer may follow its own."""
        return self.ends or self.version == "1.0" or (self.chunks > 0 and b"close" in self.trailers)

    @property
    def waits(self) -> bool:
        """Whether its body comes only after the word to go on."""
        return self.expect == "waits" and self.rest() != b""

    def told(self) -> bytes:
        """What a handler makes of it that reads it whole."""
        return f"{self.method} {self.path} {hashlib.sha1(self.body).hexdigest()}".encode()


GOODBYE = Ask("/goodbye", "GET", ends=True)
"""Behind everything else: what is answered before it and is no request would show."""


@dataclass(frozen=True)
class Answer:
    """One final answer."""

    status: int
    headers: Dict[str, str]
    body: bytes

    @property
    def ends(self) -> bool:
        """Whether it says that it is the last."""
        return self.headers.get("connection", "") == "close"


@dataclass
class Heard:
    """What came back."""

    methods: List[str]
    answers: List[Answer] = field(default_factory=list)
    words: int = 0
    """How often it said to go on."""
    ended: bool = False
    _left: bytes = b""

    def take(self, data: bytes) -> None:
        """Read on. An empty piece is the end of the connection."""
        if not data:
            assert not self._left, f"the connection ended in an answer: {self._left!r}"
            self.ended = True
        self._left += data
        while self._take_one():
            pass

    def _take_one(self) -> bool:
        head, separator, rest = self._left.partition(b"\r\n\r\n")
        if not separator:
            return False
        first, *lines = head.decode("latin-1").split("\r\n")
        assert first.startswith("HTTP/1.1 "), first
        status = int(first[9:12])
        if status == 100:
            self.words += 1
            self._left = rest
            return True
        pairs = [line.split(": ", 1) for line in lines]
        headers = {name.lower(): value for name, value in pairs}
        assert len(headers) == len(pairs), head
        with_body = len(self.answers) >= len(self.methods) or self.methods[len(self.answers)] != "HEAD"
        length = int(headers["content-length"]) if with_body else 0
        if len(rest) < length:
            return False
        self.answers.append(Answer(status, headers, rest[:length]))
        self._left = rest[length:]
        return True


@dataclass(frozen=True)
class Story:
    """Requests on one connection."""

    asks: Tuple[Ask, ...]
    steps: Tuple[int, ...]
    """Bytes of each write, again and again; none for one write."""
    turns: int = 0
    """Of the event loop between two writes, for the service to act in."""
    cut: int = 0
    """Bytes that are left out at the end of the last request, with which the client then leaves."""


def _asks(paths: st.SearchStrategy[str]) -> st.SearchStrategy[Ask]:
    usual: Dict[str, Any] = {
        "path": paths,
        "method": st.sampled_from(("POST", "POST", "GET", "HEAD", "PUT", "DELETE")),
        "body": st.sampled_from(BODIES),
        "chunks": st.sampled_from((0, 0, 7, 4000)),
        "extras": st.sampled_from((b"", b"", *OFFERS)),
    }
    return st.one_of(
        st.builds(Ask, **usual),
        st.builds(Ask, **usual, expect=st.sampled_from(("waits", "hasty"))),
        st.builds(
            Ask,
            **usual,
            trailers=st.sampled_from(
                (b"A: b\r\n", b"Upgrade: h2c\r\nConnection: upgrade\r\n", b"Connection: close\r\n")
            ),
            ends=st.booleans(),
            version=st.sampled_from(("1.1", "1.1", "1.0")),
        ),
        st.builds(Ask, path=paths, extras=usual["extras"], doubtful=st.integers(0, len(DOUBTFUL) - 1)),
    )


def stories(paths: st.SearchStrategy[str]) -> st.SearchStrategy[Story]:
    """Up to six requests in a row, in one write or several."""
    return st.builds(
        Story,
        asks=st.lists(_asks(paths), min_size=1, max_size=6).map(tuple),
        steps=st.lists(st.integers(20, 400), max_size=4).map(tuple),
        turns=st.sampled_from((0, 1, 10)),
        cut=st.sampled_from((0, 0, 0, 1, 5, 40)),
    )


async def converse(client: Client, story: Story) -> Heard:
    """Play the client's part, up to the end of the connection or to where nothing more can come."""
    asks = story.asks if story.cut else (*story.asks, GOODBYE)
    heard = Heard([ask.method for ask in asks])
    unsent = b""
    for number, ask in enumerate(asks):
        unsent += ask.head(number)
        if ask.waits:
            words = heard.words
            await _send(client, unsent, story)
            while heard.words == words and len(heard.answers) <= number and not heard.ended:
                heard.take(await client.some())
            if heard.words == words:  # refused: the body stays here
                await _hear(client, heard, len(asks) + 1)
                return heard
            unsent = b""
        unsent += ask.rest()
    await _send(client, unsent[: len(unsent) - story.cut], story)
    await _hear(client, heard, len(asks) - 1 if story.cut else len(asks) + 1)
    return heard


async def _send(client: Client, data: bytes, story: Story) -> None:
    for size in itertools.cycle(story.steps or (len(data),)):
        if not data:
            return
        await client.send(data[:size])
        data = data[size:]
        for _ in range(story.turns):
            await asyncio.sleep(0)


async def _hear(client: Client, heard: Heard, answers: int) -> None:
    while not heard.ended and len(heard.answers) < answers:
        heard.take(await client.some())


def judge(story: Story, heard: Heard, fits: Callable[[Ask, Answer], bool]) -> None:
    """Fail unless what was heard keeps the rule; `fits` says whether an answer is the right one."""
    asks = story.asks if story.cut else (*story.asks, GOODBYE)
    assert heard.words <= sum(ask.expect != "" and ask.doubtful < 0 for ask in asks)
    assert len(heard.answers) <= len(asks), "more answers than requests"
    over = False  # nothing may follow
    for number, (ask, answer) in enumerate(zip(asks, heard.answers)):
        assert not over, f"an answer follows the last: {answer}"
        if "x-request-id" not in answer.headers:
            assert ask.doubtful >= 0 and answer.ends and 400 <= answer.status < 600, (ask, answer)
            over = True
            continue
        assert answer.headers["x-request-id"] == str(number), (ask, answer)
        assert fits(ask, answer), (ask, answer)
        before_doubt = number + 1 < len(asks) and asks[number + 1].doubtful >= 0
        assert not answer.ends or ask.is_last or ask.expect or before_doubt, (ask, answer)
        assert answer.ends or not (ask.ends or ask.version == "1.0"), (ask, answer)
        over = answer.ends or ask.is_last
    missing = len(heard.answers)
    if missing == len(asks) or (story.cut and missing == len(asks) - 1):
        assert heard.ended or story.cut
        return
    assert heard.ended, f"no answer to {asks[missing]}"
    doubtful = asks[missing].doubtful >= 0 or (missing > 0 and asks[missing - 1].doubtful >= 0)
    assert over or doubtful, f"the connection ended without a word before {asks[missing]}"
