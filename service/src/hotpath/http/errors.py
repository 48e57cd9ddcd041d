"""Error answers: always JSON, always with a code, the reason and the way out."""

from __future__ import annotations

import json
import logging
from typing import Any, Dict, Optional, Type, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from hotpath.core import InputError
from hotpath.http.linger import discard
from hotpath.http.methods import allowed
from hotpath.observing.record import record_of

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

    def response(self, path: str, request_id: str) -> Response:
        """The answer, in the form of the interface that `path` belongs to; an empty id is left out."""
        error: Dict[str, Optional[str]] = {
            "code": self.code,
            "message": self.message,
            "remedy": self.remedy,
            **({"request_id": request_id} if request_id else {}),
        }
        if path.startswith("/v1/"):  # OpenAI's form; its clients show people the message alone
            way_out = f"{self.message.rstrip('.')}. {self.remedy[:1].upper()}{self.remedy[1:]}"
            kind = "invalid_request_error" if self.status < 500 else "server_error"
            error = {**error, "message": way_out, "type": kind, "param": None}
        told: object = error
        if path == "/v2" or path.startswith("/v2/"):
            told = f"{self.message} {self.remedy}"  # the Open Inference Protocol's form: a string
        return Response(json.dumps({"error": told}), self.status, self.headers, "application/json")


M = TypeVar("M", bound=BaseModel)


def validated(model: Type[M], document: Any, remedy: str) -> M:
    """JSON as what it must be. Raises Problem, which names what is wrong with it."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        reasons = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'the body'}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False)[:3]
        )
        raise Problem(400, "invalid_request", f"The request is not valid: {reasons}.", remedy) from error


def too_large(limit: int) -> Problem:
    """The answer to a body that is larger than `limit` bytes."""
    return Problem(
        413,
        "body_too_large",
        f"The body is larger than {limit} bytes.",
        "Send less at once, or a picture more compressed; the operators set this limit as limits.body_bytes.",
    )


def problem_of_input(error: InputError) -> Problem:
    """The answer to an item that can't be answered."""
    return Problem(error.status, error.code, error.message, error.remedy)


INTERNAL = Problem(
    500,
    "internal_error",
    "The service failed on this request; the reason stands in its log.",
    "Try again; if it fails again, send the operators the request's id.",
)
"""The answer where an exception was nobody's intention."""

_KNOWN = {
    404: ("not_found", "There is nothing at {path}.", "See /docs for what there is."),
    405: ("method_not_allowed", "{path} does not take {method}.", "See /docs for the method it takes."),
}


async def answer(request: Request, problem: Problem) -> Response:
    """What the client is told, noted in the request's record. Takes in what is left of the body."""
    await discard(request)
    record = record_of(request.scope)
    record.error = problem.code
    return problem.response(request.scope["path"], record.id)


async def answer_to(request: Request, error: Exception) -> Response:
    """The answer to any failure of a request, in the form of its interface."""
    if isinstance(error, Problem):
        return await answer(request, error)
    if isinstance(error, InputError):
        return await answer(request, problem_of_input(error))
    if isinstance(error, HTTPException):
        unknown = ("http_error", str(error.detail), "See /docs.")
        code, message, remedy = _KNOWN.get(error.status_code, unknown)
        message = message.format(path=request.scope["path"], method=request.method)
        if error.status_code == 404 and "//" in request.scope["path"]:
            remedy = "Write one slash where there are several."
        headers = dict(error.headers or {})
        if error.status_code == 405:  # the router tells of one route, and there may be several of a path
            headers = {"Allow": ", ".join(allowed(request.app, request.scope))}
        return await answer(request, Problem(error.status_code, code, message, remedy, headers))
    if isinstance(error, RequestValidationError):
        reasons = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()
        )
        problem = Problem(422, "invalid_request", f"The request is not valid: {reasons}.", "See /docs.")
        return await answer(request, problem)
    return _unexpected(request, error)


def _unexpected(request: Request, error: Exception) -> Response:
    path, record = request.scope["path"], record_of(request.scope)
    log.error("unexpected error in %s %r, request %s", request.method, path, record.id, exc_info=error)
    record.error = INTERNAL.code
    return INTERNAL.response(path, record.id)


def install(app: FastAPI) -> None:
    """Make every failure of `app` answer in the form of its interface."""
    for kind in (Problem, InputError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, answer_to)
