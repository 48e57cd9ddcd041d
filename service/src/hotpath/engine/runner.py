"""Runs batches beside the loop, which goes on taking messages meanwhile; or in it, where they take no time.

Two threads at most: one launches, and where the back end overlaps batches, another finishes them. What they
did is collected by the loop, which they wake through a pipe.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Callable, Deque, List, Optional, Sequence

from hotpath.engine.backend import Backend
from hotpath.tasks.task import Item, Task

log = logging.getLogger(__name__)


@dataclass
class Job:
    """One batch on its way through the device. `started` and `ended` are times of the monotonic clock."""

    items: Sequence[Item]
    mark: Callable[[], None]
    """Called right before the device gets the batch: from then on it may be what kills the engine."""
    started: float = 0.0
    ended: float = 0.0
    answers: Optional[List[bytes]] = None
    """One for each item; None where the back end raised, or gave what is no answer."""


class Runner:
    """`launch` and `collect` are for the loop's thread, `work` for the one that loaded the back end."""

    def __init__(self, backend: Backend, task: Task, runs_anywhere: bool = False) -> None:
        self.runs_anywhere = runs_anywhere
        """Whether `run` may be called from any thread: neither a device nor threads belong to one of them."""
        self._backend = backend
        self._task = task
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._done: Deque[Job] = deque()
        self._reader, self._writer = os.pipe()
        for end in (self._reader, self._writer):
            os.set_blocking(end, False)

    def fileno(self) -> int:
        """Readable when something is to be collected."""
        return self._reader

    def launch(self, job: Job) -> None:
        """Hand a batch over; it starts when those before it leave room on the device."""
        self._jobs.put(job)

    def run(self, job: Job) -> None:
        """Do a batch here and now; there must be none on its way."""
        self._finish(job, self._start(job))

    def collect(self) -> List[Job]:
        """Every batch that was finished since the last time, in order."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._reader, 4096)
        done = []
        while self._done:
            done.append(self._done.popleft())
        return done

    def work(self) -> None:
        """Serve for ever. Raises what shows that the back end is broken, rather than one batch."""
        if self._backend.depth == 1:
            while True:
                job = self._jobs.get()
                self.run(job)
                self._settle(job)
        self._overlap()

    def _overlap(self) -> None:
        room = threading.Semaphore(self._backend.depth)
        launched: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def finish() -> None:
            ended = 0.0
            while True:
                job, handle = launched.get()
                self._finish(job, handle)
                # It was launched while the device had the one before: only what came after was its own.
                job.started = max(job.started, ended)
                ended = job.ended
                self._settle(job)
                room.release()

        threading.Thread(target=guard(finish), name="finish", daemon=True).start()
        while True:
            job = self._jobs.get()
            room.acquire()
            launched.put((job, self._start(job)))

    def _start(self, job: Job) -> Optional[List[Any]]:
        job.mark()
        job.started = time.monotonic()
        try:
            return [self._backend.launch(job.items)]
        except Exception:
            self._failed(job)
            return None

    def _finish(self, job: Job, handle: Optional[List[Any]]) -> None:
        """`handle` is what `_start` returned: nothing, where the launch has failed already."""
        if handle is not None:
            try:
                job.answers = self._task.pack(self._backend.finish(handle[0]))
            except Exception:
                self._failed(job)
        job.ended = time.monotonic()

    def _failed(self, job: Job) -> None:
        log.exception("a batch of %d failed", len(job.items))
        if len(job.items) == 1:
            # Is it the input or the device? After some errors a device fails on everything, and to blame each
            # request for it would be wrong: then this raises, and a new engine takes over.
            self._task.pack(
                self._backend.finish(self._backend.launch([self._task.example(self._task.lengths[0])]))
            )

    def _settle(self, job: Job) -> None:
        """Let the loop collect it."""
        self._done.append(job)
        with contextlib.suppress(BlockingIOError):  # it is full: the loop will wake anyway
            os.write(self._writer, b"!")


def guard(work: Callable[[], None]) -> Callable[[], None]:
    """`work`, such that its failure ends the process: half an engine would be worse than none."""

    def guarded() -> None:
        try:
            work()
        except BaseException:
            log.exception("the engine is broken and ends")
            os._exit(70)  # EX_SOFTWARE, as any child that failed in a way it did not foresee

    return guarded
