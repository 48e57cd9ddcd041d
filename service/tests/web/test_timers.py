"""Many timers that share one of the loop's ring in their order, and not when they were cancelled."""

from __future__ import annotations

import asyncio
from typing import Any, Callable, List, Tuple, cast

from hotpath.http.timers import Lazy, Timers


class Clockwork:
    """A loop whose clock goes when it is told to, and whose timers are counted."""

    def __init__(self) -> None:
        self.now = 100.0
        self.due: List[Tuple[float, Callable[[], Any]]] = []
        self.set = 0

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Cancelling:
        self.set += 1
        self.due.append((when, callback))
        return Cancelling(self, callback)

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Cancelling:
        return self.call_at(self.now, callback)

    def go(self, seconds: float) -> None:
        """On by so much, doing what falls due, in order."""
        until = self.now + seconds
        while self.due and min(when for when, _ in self.due) <= until:
            when, callback = first = min(self.due, key=lambda one: one[0])
            self.due.remove(first)
            self.now = max(self.now, when)
            callback()
        self.now = until


def as_loop(clockwork: Clockwork) -> asyncio.AbstractEventLoop:
    return cast("asyncio.AbstractEventLoop", clockwork)


class Cancelling:
    def __init__(self, loop: Clockwork, callback: Callable[[], Any]) -> None:
        self.loop, self.callback = loop, callback

    def cancel(self) -> None:
        self.loop.due = [one for one in self.loop.due if one[1] != self.callback]


def test_each_rings_when_its_own_time_is_over() -> None:
    loop = Clockwork()
    rung: List[Any] = []
    timers = Timers(as_loop(loop), 5.0)
    timers.start(lambda: rung.append(1))
    loop.go(2.0)
    timers.start(lambda: rung.append(2))
    loop.go(2.9)
    assert rung == []
    loop.go(0.2)
    assert rung == [1]
    loop.go(2.0)
    assert rung == [1, 2]
    loop.go(60.0)
    assert rung == [1, 2]


def test_what_is_cancelled_does_not_ring_and_is_not_kept() -> None:
    loop = Clockwork()
    rung: List[Any] = []
    timers = Timers(as_loop(loop), 5.0)
    for _ in range(1000):
        timers.start(lambda: rung.append("cancelled")).cancel()
    assert len(timers) == 1
    assert loop.set == 1
    timers.start(lambda: rung.append("last"))
    loop.go(6.0)
    assert rung == ["last"]


def test_one_may_start_another() -> None:
    loop = Clockwork()
    rung: List[Any] = []
    timers = Timers(as_loop(loop), 5.0)

    def again() -> None:
        rung.append("first")
        timers.start(lambda: rung.append("later"))

    timers.start(again)
    timers.start(lambda: rung.append("next"))
    loop.go(5.0)
    assert rung == ["first", "next"]
    loop.go(5.0)
    assert rung == ["first", "next", "later"]


def test_a_lazy_one_rings_once_and_counts_from_its_last_start() -> None:
    loop = Clockwork()
    rung: List[Any] = []
    timer = Lazy(as_loop(loop), 5.0, lambda: rung.append(loop.now))
    for _ in range(100):
        timer.start()
        loop.go(0.1)
        timer.cancel()
    timer.start()
    assert loop.set < 5
    assert timer.when() == loop.now + 5.0
    began = loop.now
    loop.go(20.0)
    assert [round(at - began, 3) for at in rung] == [5.0]


def test_a_lazy_one_that_was_cancelled_or_ended_does_not_ring() -> None:
    loop = Clockwork()
    rung: List[Any] = []
    timer = Lazy(as_loop(loop), 5.0, lambda: rung.append(loop.now))
    timer.start().cancel()
    loop.go(20.0)
    timer.start()
    timer.end()
    assert loop.due == []
    loop.go(20.0)
    assert rung == []
