"""Who may ask for what: judges a request by its path and its bearer key, before its body is read."""

from __future__ import annotations

from typing import Optional

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from hotpath.http.errors import Problem, answer
from hotpath.http.keys import KeyFile, find
from hotpath.observing.record import Record, record_of

_SCHEME = b"bearer "

# What anybody may ask for: health, the page and the documentation. Everything else needs a key, so that what
# nobody thought of here is closed.
_OPEN = frozenset(("/", "/livez", "/readyz", "/docs", "/openapi.json", "/v2"))
_OPEN_BELOW = ("/page/", "/docs/", "/v2/health/")


class Guard:
    """Refuses what a request's key does not open."""

    def __init__(self, app: ASGIApp, keys: KeyFile, protect_metrics: bool) -> None:
        self._app = app
        self._keys = keys
        self._protect_metrics = protect_metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = self._judge(scope) if scope["type"] == "http" else None
        if problem is None:
            await self._app(scope, receive, send)
            return
        response = await answer(Request(scope, receive), problem)
        await response(scope, receive, send)

    def scope_of(self, path: str) -> Optional[str]:
        """What a key must open for a path; None for an open one."""
        if path == "/metrics":
            return "metrics" if self._protect_metrics else None
        return None if path in _OPEN or path.startswith(_OPEN_BELOW) else "predict"

    def _judge(self, scope: Scope) -> Optional[Problem]:
        path: str = scope["path"]
        if not path.isprintable():  # to the router a path is the same with a line feed at its end
            return Problem(404, "not_found", "No path has such characters.", "See /docs for what there is.")
        wanted = self.scope_of(path)
        if wanted is None:
            return None
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        return judge(self._keys, wanted, given, record_of(scope))


def judge(keys: KeyFile, wanted: str, given: bytes, record: Record) -> Optional[Problem]:
    """What is wrong with an Authorization (empty: none) for what needs `wanted`; notes whose the key is."""
    if given[: len(_SCHEME)].lower() != _SCHEME:
        return _unknown("This path needs a key.")
    key = find(keys.current(), given[len(_SCHEME) :].strip())
    if key is None:
        return _unknown("The key is not one of this service's.")
    record.key = key.name
    if wanted not in key.scopes:
        return Problem(
            403,
            "forbidden",
            f"The key {key.name!r} does not open this path.",
            f"Use a key that allows {wanted!r}.",
        )
    return None


def _unknown(message: str) -> Problem:
    return Problem(
        401,
        "unauthorized",
        message,
        "Send the header 'Authorization: Bearer KEY', with a key from the operators.",
        {"WWW-Authenticate": 'Bearer realm="hotpath"'},
    )
