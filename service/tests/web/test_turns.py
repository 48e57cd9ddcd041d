"""Quick work takes turns with the event loop."""

from __future__ import annotations

import asyncio
from typing import Awaitable, Callable, List

import pytest

from hotpath.http.turns import Turns

Log = List[str]


def run(scenario: Callable[[Turns, Log], Awaitable[None]]) -> Log:
    """What a scenario wrote down."""
    log: Log = []

    async def main() -> None:
        await scenario(Turns(), log)

    asyncio.run(main())
    return log


def test_the_first_is_done_at_once_and_the_others_one_a_turn_by_urgency() -> None:
    async def scenario(turns: Turns, log: Log) -> None:
        def turn() -> None:
            log.append("turn")
            if len(log) < 8:
                asyncio.get_running_loop().call_soon(turn)

        asyncio.get_running_loop().call_soon(turn)
        work = [("late", 3.0), ("later", 4.0), ("soon", 1.0)]
        done = [turns.do(deadline, lambda name=name: log.append(name)) for name, deadline in work]  # type: ignore[misc]
        assert log == ["late"]
        await asyncio.gather(*done)

    log = run(scenario)
    assert [name for name in log if name != "turn"] == ["late", "soon", "later"]
    assert log.index("later") - log.index("soon") > 1  # the loop had a turn between them


def test_what_is_cancelled_is_not_done() -> None:
    async def scenario(turns: Turns, log: Log) -> None:
        for name in ("first", "cancelled", "last"):
            future = turns.do(1.0, lambda name=name: log.append(name))  # type: ignore[misc]
            if name == "cancelled":
                future.cancel()
        await future

    assert run(scenario) == ["first", "last"]


def test_an_error_is_the_futures_and_the_next_goes_on() -> None:
    async def scenario(turns: Turns, log: Log) -> None:
        def fail() -> None:
            raise ValueError("no image")

        failing = [turns.do(1.0, fail), turns.do(2.0, fail)]
        last = turns.do(3.0, lambda: log.append("last"))
        for future in failing:
            with pytest.raises(ValueError, match="no image"):
                await future
        await last

    assert run(scenario) == ["last"]
