"""Quick work that the event loop does itself: one piece in each of its turns, the most urgent first."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import Any, Callable, List, Tuple, TypeVar

T = TypeVar("T")


class Turns:
    """Between two pieces the loop takes in what has arrived and sends what is done.

    Otherwise, when many images arrive at once, an answer that is ready would wait for all of them to be
    decoded. Belongs to one event loop.
    """

    def __init__(self) -> None:
        self._waiting: List[Tuple[float, int, asyncio.Future[Any], Callable[[], Any]]] = []
        self._order = itertools.count()
        self._used = False
        """Whether this turn of the loop has had its piece."""

    def do(self, deadline: float, work: Callable[[], T]) -> asyncio.Future[T]:
        """Do it at once, or in a turn to come; the future tells what came of it.

        Who has the earliest deadline goes first. What is cancelled before its turn is not done.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._used:
            heapq.heappush(self._waiting, (deadline, next(self._order), future, work))
        else:
            self._do(future, work)
        return future

    def _do(self, future: asyncio.Future[T], work: Callable[[], T]) -> None:
        self._used = True
        future.get_loop().call_soon(self._next)
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)

    def _next(self) -> None:
        self._used = False
        while self._waiting and not self._used:
            _, _, future, work = heapq.heappop(self._waiting)
            if not future.done():
                self._do(future, work)
