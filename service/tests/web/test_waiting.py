"""A request's patience ends with its deadline, whatever else happens at that time."""

from __future__ import annotations

import asyncio
import time

import pytest
from fastapi import Request

from hotpath.http.urgency import Urgency
from hotpath.http.waiting import DeadlinePassed, Patience


def patience(seconds: float) -> Patience:
    now = time.monotonic()
    return Patience(Request({"type": "http"}).receive, now, now, Urgency(seconds))


def test_what_is_found_in_time_is_given() -> None:
    async def wait() -> str:
        async with patience(60.0) as found:
            outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(outcome.set_result, "cat")
            return await found.wait(outcome)

    assert asyncio.run(wait()) == "cat"


def test_what_is_found_too_late_is_not() -> None:
    """Where the loop had no CPU, the answer and the end of its time are seen at once."""

    async def wait() -> str:
        async with patience(0.05) as found:
            outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(outcome.set_result, "cat")
            asyncio.get_running_loop().call_soon(time.sleep, 0.1)
            return await found.wait(outcome)

    with pytest.raises(DeadlinePassed):
        asyncio.run(wait())


def test_a_body_may_ask_for_less_time() -> None:
    async def wait() -> None:
        async with patience(60.0) as found:
            found.hurry(Urgency(0.01))
            await found.wait(asyncio.get_running_loop().create_future())

    with pytest.raises(DeadlinePassed):
        asyncio.run(wait())
