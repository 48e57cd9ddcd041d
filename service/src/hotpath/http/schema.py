"""The shapes of requests and answers, for /docs."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Union

from pydantic import BaseModel, Field, create_model

from hotpath.http.urgency import DEADLINE_HEADER, PRIORITY_HEADER
from hotpath.scheduler.entries import FIRST, LAST, NORMAL
from hotpath.tasks.task import Task


class ModelReference(BaseModel):
    """Which model answered."""

    name: str
    version: str


class Timings(BaseModel):
    """Where the time went, in milliseconds."""

    decode: float
    queue: float
    compute: float
    total: float


class Served(BaseModel):
    """What every answer of /predict says."""

    model: ModelReference
    batch_size: int = Field(
        description="How many requests the engine ran together with this one, itself included."
    )
    timings_ms: Timings


def prediction(tasks: Sequence[Task]) -> Any:
    """The answer of /predict in a service of these tasks, as a type."""
    answers = {task.answer.__name__: task.answer for task in tasks}
    found = tuple(
        create_model(f"{name}Prediction", __base__=(answer, Served)) for name, answer in answers.items()
    )
    return Union[found] if found else Served


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: str = Field(description="Stable name of the error, in snake_case.")
    message: str = Field(description="What is wrong and why.")
    remedy: str = Field(description="The way out.")
    request_id: str = Field(description="The request's id, which the service's log and traces hold too.")


class ErrorAnswer(BaseModel):
    """Every answer other than success."""

    error: ErrorDetail


REQUEST_HEADERS: List[Dict[str, Any]] = [
    {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": schema,
    }
    for name, schema, description in (
        (
            DEADLINE_HEADER,
            {"type": "integer", "minimum": 1},
            "Milliseconds from the request's head to its answer; more than limits.request_timeout_s counts "
            "as that, and so does leaving it out.",
        ),
        (
            PRIORITY_HEADER,
            {"type": "integer", "minimum": FIRST, "maximum": LAST, "default": NORMAL},
            f"{FIRST}: first, {LAST}: last.",
        ),
    )
]
"""What a prediction takes besides its body, on both interfaces."""


def standing_alone(schema: Any, definitions: Optional[Dict[str, Any]] = None) -> Any:
    """A schema that refers to nothing: OpenAPI looks for references among its own components only."""
    if isinstance(schema, list):
        return [standing_alone(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    definitions = schema.get("$defs", {}) if definitions is None else definitions
    if "$ref" in schema:
        return standing_alone(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {key: standing_alone(value, definitions) for key, value in schema.items() if key != "$defs"}


def predict_request(tasks: Sequence[Task]) -> Dict[str, Any]:
    """What /predict takes in a service of these tasks, for OpenAPI."""
    bodies: Dict[str, List[Dict[str, Any]]] = {}
    for task in tasks:
        for kind, schema in task.content.schema.items():
            if schema not in bodies.setdefault(kind, []):
                bodies[kind].append(schema)
    return {
        "parameters": REQUEST_HEADERS,
        "requestBody": {
            "required": True,
            "description": "What the model's task takes; with the Content-Encoding gzip or deflate, "
            "or without.",
            "content": {
                kind: {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}
                for kind, schemas in bodies.items()
            },
        },
    }


ERRORS = {
    400: "The body is empty or malformed, or a header is.",
    401: "A key is needed, and there is none or an unknown one.",
    403: "The key does not open this path.",
    404: "There is no such model.",
    408: "The body did not arrive in time.",
    413: "The body or the input is too large.",
    415: "A type that the model does not take, or something else than it says.",
    422: "The input is damaged.",
    429: "Every place is taken; see Retry-After.",
    431: "The request's line and headers are too large.",
    500: "The service, or the model on this input, has failed; the log tells why.",
    503: "Not ready, or shutting down; see Retry-After.",
    504: "The request could not be finished in time.",
}

_HEADERS = {
    "X-Request-Id": "The request's id, which the service's log and traces hold too.",
    "Server-Timing": "The stages that it went through, in milliseconds.",
    "Retry-After": "Seconds after which to try again.",
}

BEFORE_THE_HANDLER = frozenset((401, 403, 431))
"""Errors that come from before a route, which therefore does not describe them."""


def answer_headers(status: int) -> Dict[str, Any]:
    """Descriptions of the headers that an answer to a prediction carries."""
    names = ["X-Request-Id"]
    names += ["Server-Timing"] if status == 200 else ["Retry-After"] if status in (429, 503) else []
    return {name: {"description": _HEADERS[name], "schema": {"type": "string"}} for name in names}


def predict_responses(tasks: Sequence[Task]) -> Dict[Union[int, str], Dict[str, Any]]:
    """What /predict answers in a service of these tasks."""
    return {
        200: {
            "model": prediction(tasks),
            "description": "What the model says.",
            "headers": answer_headers(200),
        },
        **error_responses(),
    }


def error_responses() -> Dict[Union[int, str], Dict[str, Any]]:
    """The errors that a prediction may be answered with."""
    return {
        status: {"model": ErrorAnswer, "description": text, "headers": answer_headers(status)}
        for status, text in ERRORS.items()
        if status not in BEFORE_THE_HANDLER
    }
