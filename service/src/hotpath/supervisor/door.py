"""A listening socket in the supervisor's loop."""

from __future__ import annotations

import logging
import math
import selectors
import socket
import time
from typing import Callable

log = logging.getLogger(__name__)

_PAUSE_S = 1.0
"""After a caller who could not be let in, for want of open files or memory, until it is tried again."""


class Door:
    """Hands each connection on, as a socket that does not block."""

    def __init__(self, listener: socket.socket, whom: str, let_in: Callable[[socket.socket], None]) -> None:
        """`whom` is who calls, for the log. The listener is the door's from now on."""
        self._listener = listener
        self._whom = whom
        self._let_in = let_in
        self._paused_until = math.inf
        listener.setblocking(False)

    def register(self, selector: selectors.BaseSelector) -> None:
        """Wait for callers."""
        self._selector = selector
        selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def turn(self) -> None:
        """Open again after a pause. To be called every few seconds at least."""
        if self._paused_until < time.monotonic():
            self._paused_until = math.inf
            self.register(self._selector)

    def close(self) -> None:
        """Let nobody in any more; in a child: the listener is not its own."""
        self._listener.close()

    def _accept(self) -> None:
        try:
            end, _ = self._listener.accept()
        except BlockingIOError:  # who called has left
            return
        except OSError as error:
            # Who calls still waits, so the selector would come back with the listener at once, for ever.
            log.warning("%s can't be heard now: %s", self._whom, error)
            self._selector.unregister(self._listener)
            self._paused_until = time.monotonic() + _PAUSE_S
            return
        end.setblocking(False)
        self._let_in(end)
