"""The way of a prediction past the framework, whose routing and layers take longer than all the rest of it.

FastAPI describes the same paths in /docs, and answers there what this leaves to it: a query, another method.
"""

from __future__ import annotations

from typing import Callable, Optional

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from hotpath.http.errors import answer_to
from hotpath.http.predict import Respond

_PREFIX, _SUFFIX = "/models/", "/predict"


class Direct:
    """Answers POST /predict and POST /models/NAME/predict; hands everything else on."""

    def __init__(self, app: ASGIApp, respond: Respond, default: Callable[[], str]) -> None:
        self._app = app
        self._respond = respond
        self._default = default

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = self._model_of(scope)
        if name is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive, send)
        try:
            response = await self._respond(request, name)
        except Exception as error:
            response = await answer_to(request, error)
        await response(scope, receive, send)

    def _model_of(self, scope: Scope) -> Optional[str]:
        """The model that a prediction names; None for any other request."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["query_string"]:
            return None
        path: str = scope["path"]
        if path == _SUFFIX:
            return self._default()
        name = path[len(_PREFIX) : -len(_SUFFIX)]
        whole = path.startswith(_PREFIX) and path.endswith(_SUFFIX) and name and "/" not in name
        return name if whole else None
