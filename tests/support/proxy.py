#!/usr/bin/python3
"""A proxy with a password that answers for one name of a server from a folder: for hosts, which run it themselves.

proxy.py PORT USER:PASSWORD NAME FOLDER LOG
"""

from __future__ import annotations

import base64
import http.server
import sys
from pathlib import Path
from urllib.parse import urlsplit

PORT, ACCOUNT, NAME, FOLDER, LOG = sys.argv[1:]
EXPECTED = "Basic " + base64.b64encode(ACCOUNT.encode()).decode()


class Proxy(http.server.BaseHTTPRequestHandler):
    """Answers GET http://NAME/path with FOLDER/path."""

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        path = Path(FOLDER, address.path.lstrip("/"))
        if self.headers.get("Proxy-Authorization") != EXPECTED:
            self.answer(407, b"", ("Proxy-Authenticate", "Basic"))
        elif address.hostname != NAME or not path.is_file():
            self.answer(404, b"")
        else:
            with Path(LOG).open("a") as log:
                log.write(address.path + "\n")
            self.answer(200, path.read_bytes())

    def answer(self, code: int, content: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(code)
        for header in headers:
            self.send_header(*header)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing to the terminal; what was asked for lies in LOG."""


http.server.ThreadingHTTPServer(("127.0.0.1", int(PORT)), Proxy).serve_forever()
