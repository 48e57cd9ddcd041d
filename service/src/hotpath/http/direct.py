"""The way of a prediction past the framework, whose routing and layers take longer than all the rest of it.

FastAPI describes the same paths in /docs, and answers there what this leaves to it: a query, another method.
"""

from __future__ import annotations

from typing import Awaitable, Callable, Mapping, Optional, Tuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hotpath.http.errors import answer_to
from hotpath.http.quick import QuickRequest

Respond = Callable[[Request, str], Awaitable[Response]]
"""Answers a request with a model that it names. Raises Problem or InputError."""

Around = Tuple[str, str]
"""What stands before and behind a model's name in a path."""

_PLAIN = "/predict"


class Direct:
    """Answers POST /predict, and POST for a model that a path names; hands everything else on."""

    def __init__(
        self, app: ASGIApp, default: Callable[[], str], predict: Respond, named: Mapping[Around, Respond]
    ) -> None:
        """`predict` answers /predict with the model that `default` tells."""
        self._app = app
        self._default = default
        self._predict = predict
        self._named = tuple((*around, respond) for around, respond in named.items())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._find(scope)
        if found is None:
            await self._app(scope, receive, send)
            return
        respond, name = found
        request = QuickRequest(scope, receive, send)
        try:
            response = await respond(request, name)
        except Exception as error:
            response = await answer_to(request, error)
        await response(scope, receive, send)

    def _find(self, scope: Scope) -> Optional[Tuple[Respond, str]]:
        """What answers a prediction, and the model that it names; None for any other request."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["query_string"]:
            return None
        path: str = scope["path"]
        if path == _PLAIN:
            return self._predict, self._default()
        for before, behind, respond in self._named:
            if path.startswith(before) and path.endswith(behind):
                name = path[len(before) : -len(behind)]
                if name and "/" not in name:
                    return respond, name
        return None
