"""Bodies on their way: each is bounded by its progress, and all of a worker's by the bytes that they hold.

None of them holds a place in the service, which is taken once a body is in: so a slow line costs nobody else
an answer, however many there are.
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Any, Mapping, MutableMapping, Optional, Set, Type, Union

from fastapi import Request

from hotpath.config import LimitsConfig
from hotpath.http.errors import Problem
from hotpath.http.linger import body_is_over
from hotpath.http.timers import Timer, after
from hotpath.http.urgency import Urgency
from hotpath.http.waiting import DeadlinePassed

OVERHEAD = 16_384
"""Bytes a multipart body may have beyond the image itself: boundaries, part headers, small fields."""

SLOW_S = 1.0
"""Who is behind by so much may be ended for others; who is not, is never."""

_KEY = "hotpath.upload"
_HERE = "hotpath.body_is_here"


class NoMemory(Exception):
    """The bodies on their way hold all the bytes that they may, and none of them is slow."""


class Upload:
    """One body, from its head to its end; used as a context manager around its reading.

    The client is behind by the time that has passed, less what it has sent at the least rate that is asked
    of it; it can't be ahead. So a pause ends it as surely as a trickle, and a steady line never does.
    """

    __slots__ = (
        "_ended",
        "_on_pace_at",
        "_received",
        "_request",
        "_started",
        "_task",
        "_timer",
        "_uploads",
        "_urgency",
        "held",
    )

    def __init__(self, uploads: Uploads, request: Request, urgency: Urgency, started: float) -> None:
        self._uploads = uploads
        self._request = request
        self._urgency = urgency
        self._started = self._on_pace_at = started
        self._ended: Optional[Exception] = None
        self._received = 0
        self.held = 0
        """Bytes; of one that has ended none."""

    def __enter__(self) -> Upload:
        self._task = asyncio.current_task()
        self._request.scope[_KEY] = self
        self._uploads.under_way.add(self)
        self._timer: Union[Timer, asyncio.TimerHandle]
        if self._urgency.stated:
            self._start_timer(self._started)
        else:
            self._timer = after(self._uploads.silence_s, self._look)
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._timer.cancel()
        self._leave()
        if self._ended is not None and kind is asyncio.CancelledError:
            raise self._ended from None

    @property
    def behind_s(self) -> float:
        """Seconds for which the client has kept the service waiting."""
        return time.monotonic() - self._on_pace_at

    def is_here(self, most: int) -> bool:
        """Whether the body has come to its end before it was asked for, with up to `most` bytes.

        Then it need not be watched, if there is room for so many.
        """
        return _HERE in self._request.scope and self._uploads.has_room(most)

    def took(self, size: int) -> None:
        """So many bytes more have come and are kept. Raises NoMemory."""
        self._received += size
        self.held += size
        now, rate = time.monotonic(), self._uploads.least_rate
        if size:
            self._on_pace_at = min(now, self._on_pace_at + size / rate) if rate else now
        self._uploads.hold(size, self)

    def give_way(self) -> None:
        """End it for the sake of others, who need its memory or its connection."""
        self._end("The body came too slowly, and others waited for its room")

    def _end(self, reason: str) -> None:
        seconds = time.monotonic() - self._started
        message = f"{reason}: {self._received} bytes in {seconds:.1f} s."
        self._stop(Problem(408, "body_timeout", message, self._uploads.remedy, {"Connection": "close"}))

    def _stop(self, error: Exception) -> None:
        """Let what reads the body find this error instead of more of it."""
        if self._ended is None and self._task is not None:
            self._ended = error
            body_is_over(self._request)
            self._leave()
            self._task.cancel()

    def _leave(self) -> None:
        self._uploads.under_way.discard(self)
        self._uploads.held -= self.held
        self.held = 0
        self._request.scope.pop(_KEY, None)

    def _start_timer(self, now: float) -> None:
        due = self._on_pace_at + self._uploads.silence_s
        if self._urgency.stated:
            due = min(due, self._started + self._urgency.seconds)
        self._timer = asyncio.get_running_loop().call_later(max(0.0, due - now), self._look)

    def _look(self) -> None:
        now = time.monotonic()
        if self._urgency.stated and now >= self._started + self._urgency.seconds:
            self._stop(DeadlinePassed(self._urgency.seconds))
        elif now >= self._on_pace_at + self._uploads.silence_s:
            self._end("The body did not arrive in time")
        else:
            self._start_timer(now)


class Uploads:
    """One worker's. Belongs to its event loop."""

    def __init__(self, limits: LimitsConfig, workers: int) -> None:
        self.least_rate = limits.body_rate
        """Bytes a second; 0 for no least one."""
        self.silence_s = limits.body_silence_s
        self.under_way: Set[Upload] = set()
        self.held = 0
        """Bytes of all of them."""
        self._most = max(limits.transit_bytes // workers, limits.body_bytes + OVERHEAD)
        rate = f"at {self.least_rate} bytes a second at least and " if self.least_rate else ""
        self.remedy = (
            f"Send it {rate}without a pause of {self.silence_s:g} s, or send a smaller image; the operators "
            "set this as limits.body_rate and limits.body_silence_s."
        )

    def begin(self, request: Request, urgency: Urgency, started: float) -> Upload:
        """The body of `request`, whose head came at `started`, of the monotonic clock.

        What ends it raises Problem where that is the client's slowness, and DeadlinePassed where it is the
        time that the client itself has set.
        """
        return Upload(self, request, urgency, started)

    def has_room(self, size: int) -> bool:
        """Whether so many bytes more are kept without anybody's giving way."""
        return self.held + size <= self._most

    def hold(self, size: int, newcomer: Upload) -> None:
        """Keep so many bytes more of `newcomer`'s; the slowest gives way where they are too many.

        Whoever keeps most bytes waiting for longest goes first. Raises NoMemory where the slow ones have
        too few.
        """
        self.held += size
        excess = self.held - self._most
        if excess <= 0:
            return
        slow = [upload for upload in self.under_way if upload is not newcomer and upload.behind_s >= SLOW_S]
        if sum(upload.held for upload in slow) < excess:
            raise NoMemory
        for upload in sorted(slow, key=lambda upload: upload.held * upload.behind_s, reverse=True):
            upload.give_way()
            if self.held <= self._most:
                break


def body_is_here(scope: MutableMapping[str, Any]) -> None:
    """Note that the whole body of the request that an ASGI scope belongs to has come."""
    scope[_HERE] = True


def upload_of(scope: Mapping[str, Any]) -> Optional[Upload]:
    """The body that is on its way for the request that an ASGI scope belongs to."""
    return scope.get(_KEY)
