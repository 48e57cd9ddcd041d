"""Decoding in a few threads of the worker, straight into the request's slot."""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Tuple

from hotpath.codec import ImageLimits, ImageSpec, decode_into
from hotpath.ipc.arena import Arena
from hotpath.ipc.slots import Lease
from hotpath.metrics.table import Row


class Decoder:
    """A pool of threads; the decoders release the interpreter's lock while they work."""

    def __init__(self, arena: Arena, limits: ImageLimits, row: Row, workers: int) -> None:
        self._arena = arena
        self._limits = limits
        self._row = row
        threads = max(1, len(os.sched_getaffinity(0)) // workers)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="decode")

    def start(
        self, body: bytes, spec: ImageSpec, shape: Tuple[int, int, int], lease: Lease
    ) -> asyncio.Future[float]:
        """Decode `body` into the lease's slot; the future gives the seconds it took or raises ImageError.

        A cancelled decode may still be writing: the slot stays borrowed until its thread is done with it.
        """
        loop = asyncio.get_running_loop()
        lease.borrow()
        job = self._threads.submit(self._decode, body, spec, shape, lease.slot)
        job.add_done_callback(lambda _: loop.call_soon_threadsafe(lease.give_back))
        return asyncio.wrap_future(job)

    def _decode(self, body: bytes, spec: ImageSpec, shape: Tuple[int, int, int], slot: int) -> float:
        started = time.monotonic()
        decode_into(body, spec, self._limits, self._arena.view(slot, shape))
        seconds = time.monotonic() - started
        self._row.observe("hotpath_decode_seconds", seconds)
        return seconds
