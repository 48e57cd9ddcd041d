"""Timers of which nearly all are cancelled: many of one length share a single one of the event loop's.

A request has several that something else ends as a rule, and one of the loop's own is dear beside these: an
object on either side of it, a place in libuv's heap, and a closing in one of the loop's turns to come.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Callable, Deque, Dict, Optional

_CLOCK_S = 0.001
"""uvloop's clock counts in milliseconds: by so much what is due may seem not to be."""


class Timer:
    """One of them, as the loop's TimerHandle is to who has started it."""

    __slots__ = ("_callback", "_due")

    def __init__(self, due: float, callback: Callable[[], object]) -> None:
        self._due = due
        self._callback: Optional[Callable[[], object]] = callback

    def when(self) -> float:
        """When it is due, by the loop's clock."""
        return self._due

    def cancel(self) -> None:
        """Let nothing happen then."""
        self._callback = None

    def cancelled(self) -> bool:
        """Whether it was cancelled, or is over."""
        return self._callback is None

    def ring(self) -> None:
        """Do what is due."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Timers:
    """Those of one length, in the order in which they are due."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop = loop
        self._seconds = seconds
        self._waiting: Deque[Timer] = deque()
        self._armed = False

    def start(self, callback: Callable[[], object]) -> Timer:
        """Call it once the time is over, as the loop's `call_later` does."""
        waiting = self._waiting
        while waiting and waiting[0].cancelled():
            waiting.popleft()
        timer = Timer(self._loop.time() + self._seconds, callback)
        waiting.append(timer)
        if not self._armed:
            self._arm()
        return timer

    def __len__(self) -> int:
        return len(self._waiting)

    def _arm(self) -> None:
        self._armed = True
        self._loop.call_at(self._waiting[0].when(), self._ring)

    def _ring(self) -> None:
        self._armed = False
        now, waiting = self._loop.time(), self._waiting
        while waiting and (waiting[0].cancelled() or waiting[0].when() <= now + _CLOCK_S):
            # What one of them does may start another, or fail: the rest have their turn all the same.
            self._loop.call_soon(waiting.popleft().ring)
        if waiting and not self._armed:
            self._arm()


class Lazy:
    """One timer that is started and cancelled again and again; the loop's is set anew only when it rings."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seconds: float, callback: Callable[[], object]
    ) -> None:
        self._loop = loop
        self._seconds = seconds
        self._callback = callback
        self._due: Optional[float] = None
        self._armed: Optional[asyncio.TimerHandle] = None

    def start(self) -> Lazy:
        """Let it be due once the time is over, counted from now."""
        self._due = self._loop.time() + self._seconds
        if self._armed is None:
            self._armed = self._loop.call_at(self._due, self._ring)
        return self

    def when(self) -> float:
        """When it is due, by the loop's clock; of one that was started."""
        assert self._due is not None, "it was not started"
        return self._due

    def cancel(self) -> None:
        """Let nothing happen then."""
        self._due = None

    def end(self) -> None:
        """Let nothing happen, and keep nothing of the loop's."""
        self._due = None
        if self._armed is not None:
            self._armed.cancel()
            self._armed = None

    def _ring(self) -> None:
        self._armed = None
        if self._due is None:
            return
        if self._due > self._loop.time() + _CLOCK_S:
            self._armed = self._loop.call_at(self._due, self._ring)
        else:
            self._due = None
            self._callback()


_timers: Dict[float, Timers] = {}
_loop: Optional[asyncio.AbstractEventLoop] = None


def after(seconds: float, callback: Callable[[], object]) -> Timer:
    """Call it in so many seconds, of which there are to be few kinds; in a process with one running loop."""
    global _loop
    loop = asyncio.get_running_loop()
    if loop is not _loop:
        _loop = loop
        _timers.clear()
    timers = _timers.get(seconds)
    if timers is None:
        timers = _timers[seconds] = Timers(loop, seconds)
    return timers.start(callback)
