"""The end of a worker, as its calls see it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Iterator, Set


class Ending:
    """Whether the worker ends, and what is still at work. Belongs to its event loop."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        """Set once nothing new is taken."""
        self.cut_off = False
        """Whether what is not finished is refused now."""
        self._at_work: Set[asyncio.Task[Any]] = set()

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """While a call's task is at work, its end can be asked for."""
        task = asyncio.current_task()
        assert task is not None
        self._at_work.add(task)
        try:
            yield
        finally:
            self._at_work.discard(task)

    def cut(self) -> None:
        """The time for what was accepted is over."""
        self.cut_off = True
        for task in self._at_work:
            task.cancel()
