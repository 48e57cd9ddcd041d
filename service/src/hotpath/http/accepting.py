"""Taking connections from listeners that all workers share, so that every worker holds about as many.

Where each worker's event loop accepts as fast as it can, the one that wakes first takes all there is: of
sixteen keep-alive clients one worker served fifteen, while another CPU was idle.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any, Callable, Sequence, Set

log = logging.getLogger(__name__)

SLACK = 8
"""A worker is ahead of another by more than an eighth, so that a thousand clients at once need few rounds."""
GIVE_WAY_S = 0.001
"""How long a worker that holds more than another leaves a connection to it; it may be stuck."""
EXHAUSTED_S = 0.5
"""How long it waits when the process has no descriptor left for another connection."""


class Acceptor:
    """One worker's part of the listeners. Belongs to its event loop."""

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        protocol: Callable[[], asyncio.BaseProtocol],
        held: Callable[[], int],
        fewest_elsewhere: Callable[[], float],
        unread_s: float,
        has_room: Callable[[], bool] = lambda: True,
    ) -> None:
        """`held` tells how many connections this worker has, `fewest_elsewhere` how many the idlest other.

        A client that reads nothing of its answer for `unread_s` is dropped, by the kernel.
        `has_room` tells whether it may have one more, and makes room for it where it can.
        """
        self._listeners = listeners
        self._protocol = protocol
        self._held = held
        self._fewest_elsewhere = fewest_elsewhere
        self._unread_ms = int(unread_s * 1000)
        self._has_room = has_room
        self._opening: Set[asyncio.Task[Any]] = set()
        self._stopped = True

    @property
    def held(self) -> int:
        """Connections that this worker has, those included that are being set up."""
        return self._held() + len(self._opening)

    def start(self) -> None:
        """Begin to accept."""
        self._loop = asyncio.get_running_loop()
        self._stopped = False
        for listener in self._listeners:
            listener.setblocking(False)
            self._loop.add_reader(listener.fileno(), self._on_readable, listener)

    def stop(self) -> None:
        """Accept nothing more; the listeners stay open."""
        self._stopped = True
        for listener in self._listeners:
            self._loop.remove_reader(listener.fileno())

    async def opened(self) -> None:
        """Until everything that was accepted is a connection, or lost."""
        if self._opening:
            await asyncio.wait(self._opening)

    def _on_readable(self, listener: socket.socket) -> None:
        held = self.held
        if held - held // SLACK > self._fewest_elsewhere():
            self._pause(listener, GIVE_WAY_S)
        else:
            self._accept(listener)

    def _pause(self, listener: socket.socket, seconds: float) -> None:
        self._loop.remove_reader(listener.fileno())
        self._loop.call_later(seconds, self._resume, listener)

    def _resume(self, listener: socket.socket) -> None:
        if not self._stopped:
            self._loop.add_reader(listener.fileno(), self._on_readable, listener)
            self._accept(listener)

    def _accept(self, listener: socket.socket) -> None:
        if not self._has_room():
            self._pause(listener, EXHAUSTED_S)
            return
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another worker was faster, or the client is gone already
        except OSError as error:
            log.error("a connection can't be accepted: %s", error)
            self._pause(listener, EXHAUSTED_S)
            return
        connection.setblocking(False)
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, self._unread_ms)
        opening = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, connection))
        self._opening.add(opening)
        opening.add_done_callback(self._on_open)

    def _on_open(self, opening: asyncio.Task[Any]) -> None:
        self._opening.discard(opening)
        if not opening.cancelled() and opening.exception() is not None:
            log.warning("a connection was lost while it was set up: %s", opening.exception())
