"""Which workers are free, as all of them see it, and how one wakes another.

A mark is one byte in shared memory, a wake-up one byte in a pipe. Both are hints: what is to be done lies in
the trays, where a worker looks each time it wakes and each time it has done something. Where a mark is seen
too late, an offer waits until somebody looks, its owner at the latest.
"""

from __future__ import annotations

import contextlib
import mmap
import os
from typing import List, Sequence

from hotpath.sharing.policy import Node


class Board:
    """Made by the supervisor before it forks; every process sees the same board."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        """`nodes` are those of the workers, by their number."""
        self.nodes = tuple(nodes)
        self._marks = mmap.mmap(-1, len(self.nodes))
        self._pipes = [os.pipe() for _ in self.nodes]
        for pipe in self._pipes:
            for end in pipe:
                os.set_blocking(end, False)

    @property
    def free(self) -> List[int]:
        """Workers that have nothing to do and have not been woken yet."""
        return [worker for worker, mark in enumerate(self._marks[: len(self.nodes)]) if mark]

    def mark(self, worker: int, free: bool) -> None:
        """Let the others see whether it has nothing to do."""
        self._marks[worker] = free

    def wake(self, worker: int) -> None:
        """Let it look at the trays, and nobody else wake it before it has."""
        self._marks[worker] = False
        with contextlib.suppress(BlockingIOError):  # it has not read what was sent before
            os.write(self._pipes[worker][1], b"!")

    def fileno(self, worker: int) -> int:
        """Readable when somebody has woken the worker."""
        return self._pipes[worker][0]

    def woken(self, worker: int) -> None:
        """It is about to look."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.fileno(worker), 4096)
