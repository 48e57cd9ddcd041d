"""A relay between clients and a service, which counts the connections that pass."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from typing import Iterator, Tuple


class Relay(socketserver.ThreadingTCPServer):
    """Hands on bytes and ends in both directions."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, service: Tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Passage)
        self.service = service
        self.connections = 0
        """How many clients have opened."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Passage(socketserver.BaseRequestHandler):
    server: Relay

    def handle(self) -> None:
        self.server.connections += 1
        with socket.create_connection(self.server.service) as service:
            onwards = threading.Thread(target=_pump, args=(self.request, service), daemon=True)
            onwards.start()
            _pump(service, self.request)
            onwards.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):  # either end may leave at any time
        for data in iter(lambda: source.recv(65536), b""):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def relaying(service: Tuple[str, int]) -> Iterator[Relay]:
    """A relay in front of a service."""
    with Relay(service) as relay:
        thread = threading.Thread(target=relay.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield relay
        finally:
            relay.shutdown()
            thread.join()
