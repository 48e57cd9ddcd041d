"""Lets pages of other origins ask the service from a browser, where the configuration names them."""

from __future__ import annotations

from typing import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp
from typing_extensions import override

from hotpath.http.errors import Problem
from hotpath.http.v2.schema import LENGTH_HEADER

METHODS = ("GET", "HEAD", "POST")
READABLE = ("Allow", "Retry-After", "Server-Timing", "X-Request-Id", LENGTH_HEADER)
"""Headers of an answer that a page may read besides those that it always may."""


class Cors(CORSMiddleware):
    """Answers preflights, which come without a key, and tells browsers whose pages may read an answer.

    Any header may be sent: none is worth anything before the request itself is judged. Credentials that a
    browser adds by itself are never asked for; a page sends its key as a header of its own.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=("*",),
            allow_credentials=False,
            expose_headers=READABLE,
        )

    @override
    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code == 200:
            return response
        origin, method = request_headers["origin"], request_headers["access-control-request-method"]
        refusal = Problem(
            response.status_code,
            "cors_refused",
            f"A page of the origin {origin[:256]!r} may not send {method[:64]!r} to this service.",
            "The operators let origins in by server.cors_origins; the methods are GET, HEAD and POST.",
        ).response("", "")
        refusal.headers["Vary"] = response.headers.get("Vary", "Origin")
        return refusal
