"""An event loop in which hours pass at once: its time goes on only while nothing else is to be done."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any, Coroutine, List, Optional, Tuple, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: Optional[float] = None) -> List[Tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        assert events or timeout is not None, "everybody waits for nothing"
        if not events and timeout:
            self.now += timeout
        return events


class Clock(asyncio.SelectorEventLoop):
    """For stories without other processes; `time` is what the code under test is to read, in seconds."""

    def __init__(self) -> None:
        self._watch = _Selector()
        super().__init__(self._watch)

    def time(self) -> float:
        return self._watch.now

    monotonic = time
    """As the module `time` calls it."""

    def play(self, story: Coroutine[Any, Any, T]) -> T:
        """Run it to its end."""
        try:
            return self.run_until_complete(story)
        finally:
            self.close()
