"""The page at `/`: an image in, and out come labels, timings and the batch it rode in.

Served as it lies here, without a build step and without anything from elsewhere. photograph.jpg is Chelsea,
by Stéfan van der Walt, which he gave to the public domain (CC0) and scikit-image distributes.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

_HERE = Path(__file__).parent
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    # Nothing from elsewhere, nothing inline; blob: is the preview of an image that the user chose.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:; base-uri 'self'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_BASE = b'<base href="%b/">'


def add(app: FastAPI, root: str) -> None:
    """Add the page and its files to the application, which is reached below the prefix `root`."""
    # Python keeps its source and its bytecode here too.
    for file in (file for file in _HERE.iterdir() if file.suffix in _TYPES):
        content = file.read_bytes()
        if file.name == "index.html":
            # A prefix without a slash behind it is the page too, and to the browser no folder.
            if root:
                content = content.replace(_BASE % b".", _BASE % root.encode())
            _add_file(app, "/", content, _TYPES[file.suffix])
        else:
            _add_file(app, f"/page/{file.name}", content, _TYPES[file.suffix])


def _add_file(app: FastAPI, path: str, content: bytes, kind: str) -> None:
    async def answer(_: Request) -> Response:
        return Response(content, headers=_HEADERS, media_type=kind)

    app.add_route(path, answer, methods=["GET"], include_in_schema=False)
