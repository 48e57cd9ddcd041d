"""A host that says that it is ready and refuses whatever it is asked, at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = "127.0.0.1"


class Refuser:
    """What a balancer has to know of it."""

    def __init__(self, port: int) -> None:
        self.name, self.address, self.port, self.connections = "refuser", HERE, port, 4


@contextmanager
def refusing(status: int) -> Iterator[Refuser]:
    """It answers every POST with this status, with the id that a host's answers carry."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(200)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(status)

        def _answer(self, code: int) -> None:
            self.send_response(code)
            self.send_header("X-Request-Id", self.headers.get("X-Request-Id", "none"))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer((HERE, 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Refuser(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
