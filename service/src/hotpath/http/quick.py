"""Starlette's request and answer for the one path that is asked all the time, without what is dear there."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_JSON = (b"content-type", b"application/json")


class QuickHeaders(Headers):
    """Looked up and not searched: a prediction asks for six, of which most are not there."""

    def __init__(self, raw: List[Tuple[bytes, bytes]]) -> None:
        super().__init__(raw=raw)
        self._first = dict(reversed(raw))  # of several of one name the first, as ever

    def __getitem__(self, key: str) -> str:
        return self._first[key.lower().encode("latin-1")].decode("latin-1")

    def __contains__(self, key: Any) -> bool:
        return key.lower().encode("latin-1") in self._first

    def get(self, key: str, default: Any = None) -> Any:
        """The value, or the default; without an exception on the way."""
        value = self._first.get(key.lower().encode("latin-1"))
        return default if value is None else value.decode("latin-1")


class QuickRequest(Request):
    """A request with such headers."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope, receive, send)
        self._looked_up: Optional[QuickHeaders] = None

    @property
    def headers(self) -> Headers:
        """Put in order when they are asked for first."""
        if self._looked_up is None:
            self._looked_up = QuickHeaders(self.scope["headers"])
        return self._looked_up


class QuickJson(Response):
    """200, and JSON text as it is."""

    media_type = "application/json"

    def __init__(self, content: bytes) -> None:
        self.status_code = 200
        self.background = None
        self.body = content
        self.raw_headers = [(b"content-length", b"%d" % len(content)), _JSON]
