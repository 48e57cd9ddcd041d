"""A body is ended for its pace, never for its length; and many together for the memory they hold."""

from __future__ import annotations

import asyncio
from typing import Any, Dict, List, Optional, Tuple

import pytest
from starlette.requests import Request
from starlette.types import Message
from support.clock import Clock

from hotpath.config import LimitsConfig
from hotpath.http import uploads as module
from hotpath.http.body import read_content
from hotpath.http.errors import Problem
from hotpath.http.linger import discard
from hotpath.http.uploads import OVERHEAD, SLOW_S, NoMemory, Uploads, body_is_here, upload_of
from hotpath.http.urgency import Urgency
from hotpath.http.waiting import DeadlinePassed

USUAL = Urgency(10.0)
Pieces = List[Tuple[float, int]]
"""Of a body: seconds of pause, and the bytes that come then."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    return found


def limits(**values: Any) -> LimitsConfig:
    return LimitsConfig.model_validate({"body_rate": 240, "body_silence_s": 10.0, **values})


def request_of(pieces: Pieces) -> Request:
    """A client that sends these, and the last byte of its body never."""
    left = list(pieces)

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        pause, size = left.pop(0)
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": bytes(size), "more_body": size > 0}

    headers = [(b"content-type", b"image/png"), (b"transfer-encoding", b"chunked")]
    return Request({"type": "http", "method": "POST", "path": "/predict", "headers": headers}, receive)


async def read(uploads: Uploads, pieces: Pieces, urgency: Urgency = USUAL) -> int:
    """How many bytes were read, of a client that may be refused."""
    request, loop = request_of(pieces), asyncio.get_running_loop()
    try:
        return len(
            await read_content(request, "image/jpeg", 10**9, uploads.begin(request, urgency, loop.time()))
        )
    finally:
        assert upload_of(request.scope) is None and not uploads.under_way and uploads.held == 0


END = (0.0, 0)


@pytest.mark.parametrize(
    "pieces",
    [
        [(0.6, 1000)] * 24 + [END],
        [(1.0, 240)] * 3600 + [END],
        [(9.9, 100_000)] * 50 + [END],
        [(0.0, 1), (9.9, 2400), (9.9, 1), END],
        [(0.0, 5_000_000), END],
    ],
    ids=["phone", "an hour", "pauses", "at once", "whole"],
)
def test_a_steady_body_may_take_its_time(clock: Clock, pieces: Pieces) -> None:
    assert clock.play(read(Uploads(limits(), 1), pieces)) == sum(size for _, size in pieces)


@pytest.mark.parametrize(
    ("pieces", "ends_after_s"),
    [
        ([], 10.0),
        ([(1.0, 1)] * 100, 10.0),
        ([(1.0, 200)] * 1000, 55.0),
        ([(0.0, 5_000_000)], 10.0),
        ([(1.0, 1000)] * 5 + [(1.0, 1)] * 100, 15.0),
    ],
    ids=["nothing", "trickle", "too slow", "a large part and nothing more", "slows down"],
)
def test_a_body_that_does_not_keep_pace_is_ended_with_408(
    clock: Clock, pieces: Pieces, ends_after_s: float
) -> None:
    async def story() -> None:
        before = clock.time()
        with pytest.raises(Problem) as refused:
            await read(Uploads(limits(), 1), pieces)
        assert clock.time() - before == pytest.approx(ends_after_s, rel=0.05)
        told = refused.value
        assert (told.status, told.code) == (408, "body_timeout")
        assert told.headers == {"Connection": "close"}
        assert "bytes in" in told.message
        assert "at 240 bytes a second at least and without a pause of 10 s" in told.remedy

    clock.play(story())


def test_without_a_least_rate_only_silence_ends_a_body(clock: Clock) -> None:
    async def story() -> None:
        uploads = Uploads(limits(body_rate=0), 1)
        assert await read(uploads, [(9.0, 1)] * 100 + [END]) == 100
        with pytest.raises(Problem, match="did not arrive in time"):
            await read(uploads, [(11.0, 1), END])

    clock.play(story())


@pytest.mark.parametrize(
    ("urgency", "error"),
    [
        (Urgency(3.0, stated=True), DeadlinePassed),
        (Urgency(60.0, stated=True), Problem),
        (Urgency(3.0), Problem),
    ],
    ids=["the client's is sooner", "the pace is sooner", "the service's does not count yet"],
)
def test_a_deadline_that_the_client_sets_holds_for_its_body(
    clock: Clock, urgency: Urgency, error: type
) -> None:
    async def story() -> None:
        request = request_of([(1.0, 1)] * 100)
        upload = Uploads(limits(), 1).begin(request, urgency, clock.time())
        with pytest.raises(error):
            await read_content(request, "image/jpeg", 1000, upload)
        await discard(request)  # nothing more is awaited of a client that is too slow

    clock.play(story())


def test_a_worker_that_ends_is_not_taken_for_a_slow_client(clock: Clock) -> None:
    async def story() -> None:
        reading = asyncio.ensure_future(read(Uploads(limits(), 1), []))
        await asyncio.sleep(1.0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    clock.play(story())


class Crowd:
    """Uploads that share a memory of 100,000 bytes; what became of each."""

    def __init__(self, clock: Clock, bodies: Dict[str, Pieces]) -> None:
        self._clock = clock
        self._bodies = bodies
        self.uploads = Uploads(limits(transit_bytes=200_000, body_bytes=1024), 2)
        self.ended: Dict[str, Optional[Exception]] = {}

    async def read(self) -> None:
        await asyncio.gather(*(self._read(name, pieces) for name, pieces in self._bodies.items()))
        assert self.uploads.held == 0 and not self.uploads.under_way

    async def _read(self, name: str, pieces: Pieces) -> None:
        request = request_of(pieces)
        try:
            await read_content(
                request, "image/jpeg", 10**9, self.uploads.begin(request, USUAL, self._clock.time())
            )
            self.ended[name] = None
        except (Problem, NoMemory) as error:
            self.ended[name] = error


def test_where_memory_runs_out_who_keeps_most_of_it_waiting_gives_way(clock: Clock) -> None:
    crowd = Crowd(
        clock,
        {
            "stalled": [(0.0, 60_000), (8.0, 1), END],
            "trickle": [(0.0, 10), (1.0, 10), (1.0, 10), (1.0, 10), (1.0, 10), END],
            "large": [(3.0, 50_000), (0.1, 20_000), END],
            "phone": [(0.5, 1000)] * 10 + [END],
        },
    )
    clock.play(crowd.read())
    assert {name: error is None for name, error in crowd.ended.items()} == {
        "stalled": False,
        "trickle": True,
        "large": True,
        "phone": True,
    }
    told = crowd.ended["stalled"]
    assert isinstance(told, Problem) and told.status == 408
    assert "60000 bytes in 3.0 s" in told.message and "others" in told.message


def test_where_nobody_is_slow_it_is_who_wants_more_that_is_refused(clock: Clock) -> None:
    brisk: Pieces = [(SLOW_S / 2, 45_000)] * 2 + [(SLOW_S / 2, 0)]
    crowd = Crowd(clock, {"first": brisk, "late": [(SLOW_S * 0.9, 5_000), (SLOW_S * 0.3, 70_000), END]})
    clock.play(crowd.read())
    assert crowd.ended["first"] is None
    assert isinstance(crowd.ended["late"], NoMemory)


def test_nobody_is_ended_where_that_would_not_make_room(clock: Clock) -> None:
    crowd = Crowd(clock, {"trickle": [(1.0, 10)] * 9 + [END], "large": [(5.5, 200_000), END]})
    clock.play(crowd.read())
    assert crowd.ended["trickle"] is None
    assert isinstance(crowd.ended["large"], NoMemory)


def test_a_worker_has_room_for_one_body_in_any_case() -> None:
    small = Uploads(limits(transit_bytes=1024, body_bytes=50_000), 64)
    small.hold(50_000 + OVERHEAD, small.begin(request_of([]), USUAL, 0.0))
    with pytest.raises(NoMemory):
        small.hold(1, small.begin(request_of([]), USUAL, 0.0))


@pytest.mark.parametrize("room", [2000, 2001], ids=["too little room", "room"])
def test_a_body_that_is_here_already_is_not_watched(clock: Clock, room: int) -> None:
    async def story() -> None:
        uploads = Uploads(limits(), 1)
        uploads._most = room
        uploads.hold(1, uploads.begin(request_of([]), USUAL, clock.time()))  # another's
        request = request_of([(0.0, 2000)])
        body_is_here(request.scope)
        upload = uploads.begin(request, USUAL, clock.time())
        assert upload.is_here(2000) == (room > 2000)
        if room > 2000:
            assert len(await read_content(request, "image/jpeg", 2000, upload)) == 2000
            await discard(request)  # nothing more is awaited
        else:
            with pytest.raises(NoMemory):
                await read_content(request, "image/jpeg", 2000, upload)
        assert not uploads.under_way and uploads.held == 1

    clock.play(story())


def test_a_body_that_is_here_already_may_be_too_large(clock: Clock) -> None:
    async def story() -> None:
        request = request_of([(0.0, 2001)])
        body_is_here(request.scope)
        upload = Uploads(limits(), 1).begin(request, USUAL, clock.time())
        with pytest.raises(Problem, match="larger than 2000 bytes"):
            await read_content(request, "image/jpeg", 2000, upload)

    clock.play(story())
