"""One end of a link: a non-blocking SEQPACKET socket that loses nothing when its buffer is full.

A message that is longer than a packet travels in several. Who sends it may die in the middle and be followed
by another on the same socket, and so may who receives it: so each packet of a message tells its number, and
what is not whole is dropped. An answer of any size is as safe that way as a small one: nothing of it lies in
memory that somebody else could write to.

Several that are sent together travel as one packet where they fit: one system call on either side.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections import deque
from typing import Deque, Iterator, List, Optional, Sequence, Tuple, Union

from hotpath.ipc.messages import Message, decode, encode

FULL = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS)
"""What sending fails with while there is no room; ENOBUFS where the kernel is short of memory itself."""

PACKET = 1 << 16
"""Bytes of the longest; three or four of them fit into a socket's usual buffer."""

_PART = struct.Struct("<BBxxI")
"""PART, whether it is the last of its message, and its number from 0 on."""
PART = 0xFF
"""First byte of a part; no kind of message begins so, nor with SEVERAL."""
_SEVERAL = struct.Struct("<BxxxI")
"""SEVERAL, and how many bytes the next message has; before each one of a packet."""
SEVERAL = 0xFE
_ROOM = PACKET - _PART.size

Packet = Tuple[Union[bytes, memoryview], ...]
"""Sent as one, piece behind piece."""


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
        self._outbox: Deque[Packet] = deque()
        self._buffer = bytearray(PACKET)
        self._view = memoryview(self._buffer)
        self._parts: List[bytes] = []
        """Of the message that is arriving."""

    def fileno(self) -> int:
        """For selectors and event loops."""
        return self._end.fileno()

    @property
    def waiting(self) -> bool:
        """Whether messages wait for room; then call `flush` when the socket becomes writable."""
        return bool(self._outbox)

    def send(self, message: Message) -> None:
        """Send now, or as soon as there is room."""
        self._put(encode(message))
        self.flush()

    def send_all(self, messages: Sequence[Message]) -> None:
        """Send these now, or as soon as there is room, in as few packets as they fit into."""
        together: List[bytes] = []
        size = 0
        for data in map(encode, messages):
            more = _SEVERAL.size + len(data)
            if together and size + more > PACKET:
                self._put_together(together)
                together, size = [], 0
            together.append(data)
            size += more
        if together:
            self._put_together(together)
        self.flush()

    def _put(self, data: bytes) -> None:
        if len(data) <= PACKET:
            self._outbox.append((data,))
        else:
            self._outbox.extend(_split(data))

    def _put_together(self, together: List[bytes]) -> None:
        if len(together) == 1:
            self._put(together[0])
        else:
            heads = (_SEVERAL.pack(SEVERAL, len(data)) for data in together)
            self._outbox.append((b"".join(piece for pair in zip(heads, together) for piece in pair),))

    def flush(self) -> None:
        """Send as much of the outbox as fits."""
        while self._outbox:
            try:
                packet = self._outbox[0]
                if len(packet) == 1:
                    self._end.send(packet[0])
                else:
                    self._end.sendmsg(packet)
            except OSError as error:
                if error.errno not in FULL:
                    raise
                return
            self._outbox.popleft()

    def receive(self) -> Iterator[Message]:
        """Every message that has arrived."""
        while True:
            try:
                size = self._end.recv_into(self._buffer)
            except BlockingIOError:
                return
            if not size:  # the other end is gone; only at shutdown, for the supervisor keeps both ends open
                return
            data = bytes(self._view[:size])
            if data[0] == SEVERAL:
                self._parts = []
                yield from map(decode, _apart(data))
            elif data[0] != PART:
                self._parts = []
                yield decode(data)
            else:
                whole = self._join(data)
                if whole is not None:
                    yield decode(whole)

    def _join(self, data: bytes) -> Optional[bytes]:
        """The message that this part ends, if it ends one that is whole."""
        _, last, number = _PART.unpack_from(data)
        if number == 0:
            self._parts = []
        if number != len(self._parts):  # who sent those before it has died, or they went to one that has
            return None
        self._parts.append(data[_PART.size :])
        if not last:
            return None
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _apart(data: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(data):
        _, size = _SEVERAL.unpack_from(data, place)
        place += _SEVERAL.size + size
        yield data[place - size : place]


def _split(data: bytes) -> Sequence[Packet]:
    view = memoryview(data)
    starts = range(0, len(data), _ROOM)
    return [
        (_PART.pack(PART, number == len(starts) - 1, number), view[start : start + _ROOM])
        for number, start in enumerate(starts)
    ]
