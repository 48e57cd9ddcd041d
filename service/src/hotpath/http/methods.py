"""What a path takes beside what its route names: HEAD wherever GET, and OPTIONS, which tells the methods."""

from __future__ import annotations

from typing import List

from fastapi import FastAPI
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ROUTED = ("GET", "POST")
"""The methods that routes name."""


def allowed(app: FastAPI, scope: Scope) -> List[str]:
    """The methods of a request's path, as Allow lists them; none where there is nothing."""
    if scope["path"] == "*":  # the server as a whole
        return [*_ROUTED, "HEAD", "OPTIONS"]
    found = [
        method
        for method in _ROUTED
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in app.router.routes)
    ]
    return [*found, *(["HEAD"] if "GET" in found else []), "OPTIONS"] if found else []


class Heads:
    """Answers HEAD as GET, without the body (RFC 9110, section 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def head_only(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, head_only)


class Options:
    """Answers OPTIONS for every path that there is."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        methods = (
            allowed(self._app, scope) if scope["type"] == "http" and scope["method"] == "OPTIONS" else []
        )
        if methods:
            await Response(status_code=204, headers={"Allow": ", ".join(methods)})(scope, receive, send)
        else:
            await self._app(scope, receive, send)
