"""The worker's few threads, for what would hold up its event loop: above all, decoding into slots."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, NamedTuple, TypeVar

from hotpath.cgroup import usable_cpus
from hotpath.http.turns import Turns
from hotpath.ipc.arena import Arena
from hotpath.ipc.slots import Lease
from hotpath.metrics.table import Row
from hotpath.tasks.task import Fill, Task

T = TypeVar("T")


class Filled(NamedTuple):
    """What became of a slot."""

    units: int
    """How long its item is."""
    seconds: float
    """What it took."""


class Decoder:
    """A pool of threads; the decoders release the interpreter's lock while they work.

    With a single thread there is no second CPU to win, and what is quick is done by the event loop itself:
    the way to a thread and back costs as much as half the decoding of a small photograph.
    """

    def __init__(self, arena: Arena, row: Row, workers: int) -> None:
        self._arena = arena
        self._row = row
        threads = max(1, usable_cpus() // workers)
        self._alone = threads == 1
        self._turns = Turns()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="decode")

    def start(self, fill: Fill, task: Task, lease: Lease, deadline: float) -> asyncio.Future[Filled]:
        """Fill the lease's slot; the future may raise InputError.

        A cancelled decode may still be writing: the slot stays borrowed until its thread is done with it.
        """
        if self._alone and fill.is_quick():
            return self._turns.do(deadline, lambda: self._fill(fill, task, lease.slot))
        loop = asyncio.get_running_loop()
        lease.borrow()
        job = self._threads.submit(self._fill, fill, task, lease.slot)
        job.add_done_callback(lambda _: loop.call_soon_threadsafe(lease.give_back))
        return asyncio.wrap_future(job)

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Do in a thread what needs no slot."""
        return asyncio.wrap_future(self._threads.submit(work))

    def _fill(self, fill: Fill, task: Task, slot: int) -> Filled:
        started = time.monotonic()
        units = fill.write(self._arena.item(slot, task.inputs))
        seconds = time.monotonic() - started
        self._row.observe("hotpath_decode_seconds", seconds)
        return Filled(units, seconds)
