"""Error answers: always JSON, always with a code, the reason and the way out."""

from __future__ import annotations

import json
import logging
from typing import Dict, Optional

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from hotpath.codec import ImageError
from hotpath.http.linger import discard

log = logging.getLogger(__name__)


class Problem(Exception):
    """An answer other than success."""

    def __init__(
        self, status: int, code: str, message: str, remedy: str, headers: Optional[Dict[str, str]] = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.remedy = remedy
        self.headers = headers

    def response(self, path: str) -> Response:
        """The answer, in the form of the interface that `path` belongs to."""
        error: object = {"code": self.code, "message": self.message, "remedy": self.remedy}
        if path == "/v2" or path.startswith("/v2/"):
            error = f"{self.message} {self.remedy}"  # the Open Inference Protocol's form: a string
        return Response(json.dumps({"error": error}), self.status, self.headers, "application/json")


_KNOWN = {
    404: ("not_found", "There is nothing at {path}.", "See /docs for what there is."),
    405: ("method_not_allowed", "{path} does not take {method}.", "See /docs for the method it takes."),
}


def install(app: FastAPI) -> None:
    """Make every failure of `app` answer in the form of its interface."""

    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> Response:
        if error.status != 408:  # of a client that was too slow nothing more is awaited
            await discard(request)
        return error.response(request.url.path)

    @app.exception_handler(ImageError)
    async def image(request: Request, error: ImageError) -> Response:
        return Problem(error.status, error.code, error.message, error.remedy).response(request.url.path)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        await discard(request)
        unknown = ("http_error", str(error.detail), "See /docs.")
        code, message, remedy = _KNOWN.get(error.status_code, unknown)
        message = message.format(path=request.url.path, method=request.method)
        headers = dict(error.headers) if error.headers else None
        return Problem(error.status_code, code, message, remedy, headers).response(request.url.path)

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, error: RequestValidationError) -> Response:
        reasons = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()
        )
        return Problem(
            422, "invalid_request", f"The request is not valid: {reasons}.", "See /docs."
        ).response(request.url.path)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        log.error("unexpected error in %s %s", request.method, request.url.path, exc_info=error)
        return Problem(
            500,
            "internal_error",
            "The service failed on this request; the reason stands in its log.",
            "Try again; if it fails again, send the operators the time and the image.",
        ).response(request.url.path)
