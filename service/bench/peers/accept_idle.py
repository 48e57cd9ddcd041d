"""Our service, except that a worker accepts a connection only while it has none: the queue is the kernel's.

The simplest way to one queue before all workers, where whoever asks opens a connection for each request.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any, List

from hotpath.cli import main
from hotpath.http.accepting import Acceptor
from hotpath.http.protocol import Protocol

_STARTED: List[Acceptor] = []
"""One in each worker."""

_start, _connection_lost = Acceptor.start, Protocol.connection_lost


def start(acceptor: Acceptor) -> None:
    _STARTED.append(acceptor)
    _start(acceptor)


def accept(acceptor: Acceptor, listener: socket.socket) -> None:
    if acceptor.held:
        acceptor._loop.remove_reader(listener.fileno())
    else:
        acceptor._accept(listener)


def connection_lost(protocol: Protocol, *given: Any) -> None:
    _connection_lost(protocol, *given)
    for acceptor in _STARTED:
        if not acceptor._stopped:
            for listener in acceptor._listeners:
                asyncio.get_running_loop().add_reader(listener.fileno(), acceptor._on_readable, listener)


Acceptor.start, Acceptor._on_readable = start, accept  # type: ignore[method-assign]
Protocol.connection_lost = connection_lost  # type: ignore[method-assign]

if __name__ == "__main__":
    sys.exit(main(["serve", "--config", sys.argv[1]]))
