"""Messages on their way: as many at once as the memory for bodies holds, each of the largest size.

gRPC tells nothing of a message before it is whole. What has not been asked for stays with the client but for
the 64 KiB of HTTP/2's window, so a message is asked for when there is room for it.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Awaitable, Callable, Dict

from hotpath.config import LimitsConfig
from hotpath.http.errors import Problem
from hotpath.http.uploads import SLOW_S


class Intake:
    """One worker's. Belongs to its event loop."""

    def __init__(self, limits: LimitsConfig, workers: int, longest_s: float) -> None:
        """`longest_s`: how long a message may be on its way."""
        self.seats = max(1, limits.transit_bytes // workers // limits.body_bytes)
        """Messages that may be on their way at once."""
        self._longest_s = longest_s
        self._under_way: Dict[asyncio.Future[Any], float] = {}
        """The oldest first, and since when."""

    async def receive(self, read: Callable[[], Awaitable[Any]]) -> Any:
        """What `read` gives, asked once there is room. Raises Problem where that takes too long.

        Whoever keeps others waiting for more than SLOW_S gives way to them, the slowest first.
        """
        while len(self._under_way) >= self.seats:
            await self._let_one_end()
        reading = asyncio.ensure_future(read())
        self._under_way[reading] = started = time.monotonic()
        reading.add_done_callback(self._under_way.pop)
        try:
            await asyncio.wait([reading], timeout=self._longest_s)
            if not reading.done() or reading.cancelled():
                raise _slow(time.monotonic() - started)
            return reading.result()
        finally:
            reading.cancel()

    async def _let_one_end(self) -> None:
        oldest, since = next(iter(self._under_way.items()))
        left = since + SLOW_S - time.monotonic()
        if left <= 0:
            oldest.cancel()
        await asyncio.wait(
            [*self._under_way], timeout=max(left, 0.0) or None, return_when=asyncio.FIRST_COMPLETED
        )


def _slow(seconds: float) -> Problem:
    return Problem(
        408,
        "body_timeout",
        f"The message did not arrive in time: it was on its way for {seconds:.1f} s.",
        "Send it faster, or send a smaller one.",
    )
