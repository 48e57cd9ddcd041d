"""Who hears of a swap while it goes on, and of its end."""

from __future__ import annotations

import logging
from typing import List, Optional

from hotpath.supervisor.control import Caller

log = logging.getLogger(__name__)


class Listener:
    """A connection that waits for the end of one swap, or of several."""

    def __init__(self, caller: Caller, swaps: int = 1, wants_refusal: bool = False) -> None:
        self.caller = caller
        self._open = swaps
        self._wants_refusal = wants_refusal
        self._ok = True
        self._texts: List[str] = []

    def settle(self, done: bool, text: str) -> None:
        """One of them has ended."""
        self._open -= 1
        self._ok = self._ok and done is not self._wants_refusal
        self._texts.append(text)
        if self._open == 0:
            self.caller.end(self._ok, "\n".join(self._texts))


class Audience:
    """Who hears of a swap: the log, and the connections that wait for its end."""

    def __init__(self) -> None:
        self.listeners: List[Listener] = []

    def tell(self, text: str) -> None:
        """Of progress."""
        log.info("swap: %s", text)
        for listener in self.listeners:
            listener.caller.tell(text)

    def join(self, listener: Optional[Listener]) -> None:
        """Tell this one too, from now on."""
        if listener is not None:
            self.listeners.append(listener)

    def dismiss(self, done: bool, text: str) -> None:
        """That was the end."""
        for listener in self.listeners:
            listener.settle(done, text)
        self.listeners.clear()
