"""One end of a link: a non-blocking SEQPACKET socket that loses nothing when its buffer is full."""

from __future__ import annotations

import errno
import socket
from collections import deque
from typing import Deque, Iterator, Tuple

from hotpath.ipc.messages import MAX_BYTES, Message, decode, encode

FULL = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS)
"""What sending fails with while there is no room; ENOBUFS where the kernel is short of memory itself."""


def link() -> Tuple[socket.socket, socket.socket]:
    """A connected pair: (worker's end, engine's end)."""
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in pair:
        end.setblocking(False)
    return pair


class Channel:
    """Sends and receives messages in order; what does not fit yet waits in an outbox until `flush`."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._outbox: Deque[bytes] = deque()

    def fileno(self) -> int:
        """For selectors and event loops."""
        return self._end.fileno()

    @property
    def waiting(self) -> bool:
        """Whether messages wait for room; then call `flush` when the socket becomes writable."""
        return bool(self._outbox)

    def send(self, message: Message) -> None:
        """Send now, or as soon as there is room."""
        self._outbox.append(encode(message))
        self.flush()

    def flush(self) -> None:
        """Send as much of the outbox as fits."""
        while self._outbox:
            try:
                self._end.send(self._outbox[0])
            except OSError as error:
                if error.errno not in FULL:
                    raise
                return
            self._outbox.popleft()

    def receive(self) -> Iterator[Message]:
        """Every message that has arrived."""
        while True:
            try:
                data = self._end.recv(MAX_BYTES)
            except BlockingIOError:
                return
            if not data:  # the other end is gone; only at shutdown, for the supervisor keeps both ends open
                return
            yield decode(data)
