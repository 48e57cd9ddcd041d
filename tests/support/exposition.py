"""Pages of metrics that a test makes up, for a real Prometheus to scrape."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

HERE = "127.0.0.1"


class Page:
    """One target. Its text is made anew at each scrape; None is answered with 500."""

    def __init__(self, text: Callable[[], str | None]) -> None:
        self.text = text
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = outer.text()
                body = (found or "").encode()
                self.send_response(200 if found is not None else 500)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: Any) -> None:
                """Nobody reads it."""

        self._server = HTTPServer((HERE, 0), Handler)
        self.address = f"{HERE}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
