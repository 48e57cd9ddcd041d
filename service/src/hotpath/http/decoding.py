"""What a worker decodes and when: its own items and others', on its event loop and in its threads."""

from __future__ import annotations

import asyncio
import itertools
import time
from bisect import insort
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Callable, List, Optional, TypeVar

from hotpath.cgroup import usable_cpus
from hotpath.http.catalogue import Catalogue, Served
from hotpath.http.exchange import Exchange
from hotpath.http.works import Filled, Own, Work
from hotpath.ipc.arena import Arena
from hotpath.ipc.slots import Lease, SlotPool
from hotpath.metrics.table import Row
from hotpath.sharing.part import Part
from hotpath.tasks.task import Fill, Portable

T = TypeVar("T")


class Decoder:
    """A pool of threads; the decoders release the interpreter's lock while they work.

    With a single thread there is no second CPU to win, and what is quick is done by the event loop itself:
    the way to a thread and back costs as much as half the decoding of a small photograph. It does one in each
    of its turns, so that between two of them it takes in what has arrived and sends what is done.
    """

    def __init__(
        self,
        arena: Arena,
        row: Row,
        workers: int,
        catalogue: Catalogue,
        pool: SlotPool,
        part: Optional[Part] = None,
    ) -> None:
        """`part` is this worker's in the queue that all share, where there are others."""
        self._arena = arena
        self._row = row
        self._hands = threads = max(1, usable_cpus() // workers)
        """How many items more it could begin with now."""
        self._alone = threads == 1
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._waiting: List[Own] = []
        """Sorted."""
        self._order = itertools.count()
        self._due = False
        self._exchange = (
            None if part is None else Exchange(part, catalogue, pool, row, self._wait, self._look_soon)
        )

    def begin(self) -> None:
        """Take part in the queue that all workers share; called in the event loop."""
        if self._exchange is not None:
            self._exchange.begin()
            self._look_soon()

    async def ended(self) -> None:
        """Take nothing of others any more, and finish what was taken."""
        if self._exchange is not None:
            await self._exchange.ended()

    def start(self, fill: Fill, served: Served, lease: Lease, deadline: float) -> asyncio.Future[Filled]:
        """Fill the lease's slot; the future may raise InputError, or KillsDecoders.

        Who has the earliest deadline goes first. What is cancelled before its turn is not done; where
        somebody is at it already, the slot stays borrowed until they are done with it.
        """
        future: asyncio.Future[Filled] = asyncio.get_running_loop().create_future()
        portable = fill if isinstance(fill, Portable) and self._exchange is not None else None
        own = Own(deadline, next(self._order), fill, served, lease, future, fill.is_quick(), portable)
        lease.borrow()
        future.add_done_callback(lambda _: self._give_up(own) if future.cancelled() else None)
        self._wait(own)
        return future

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Do in a thread what needs no slot."""
        loop = asyncio.get_running_loop()
        self._hands -= 1
        job = self._threads.submit(work)
        job.add_done_callback(lambda _: loop.call_soon_threadsafe(self._has_hand_again))
        return asyncio.wrap_future(job)

    def _wait(self, own: Own) -> None:
        insort(self._waiting, own)
        self._look_soon()

    def _give_up(self, own: Own) -> None:
        if own in self._waiting:
            self._waiting.remove(own)
            own.lease.give_back()
        elif self._exchange is not None and self._exchange.withdraw(own):
            own.lease.give_back()

    def _look_soon(self) -> None:
        """In the loop's next turn, when it is known what else has come in this one."""
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._due = False
        if self._exchange is not None:
            self._exchange.collect()
        mine: Optional[Work] = None
        while self._hands > 0:
            work = self._next()
            if work is None:
                break
            self._hands -= 1
            if self._alone and work.quick:
                mine = work
            else:
                self._hand_over(work)
        if self._exchange is not None:  # before the loop is busy
            self._exchange.share(self._hands, self._waiting)
        if mine is not None:
            try:
                mine.settle(self._write(mine))
            except Exception as error:
                mine.settle(error)
            self._hands += 1
            self._look_soon()

    def _next(self) -> Optional[Work]:
        if self._exchange is not None:
            taken = self._exchange.take(self._waiting[0].deadline if self._waiting else None)
            if taken is not None:
                return taken
        return self._waiting.pop(0) if self._waiting else None

    def _hand_over(self, work: Work) -> None:
        loop = asyncio.get_running_loop()

        def end(job: Future[Filled]) -> None:
            work.settle(job.exception() or job.result())
            self._has_hand_again()

        job = self._threads.submit(self._write, work)
        job.add_done_callback(lambda _: loop.call_soon_threadsafe(end, job))

    def _has_hand_again(self) -> None:
        self._hands += 1
        self._look_soon()

    def _write(self, work: Work) -> Filled:
        started = time.monotonic()
        units = work.write(self._arena)
        seconds = time.monotonic() - started
        self._row.observe("hotpath_decode_seconds", seconds)
        return Filled(units, seconds)
