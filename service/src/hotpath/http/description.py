"""What /openapi.json tells of all paths alike: who needs a key, and the errors that any request may meet."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from hotpath.http.schema import ERRORS

_SCHEME = "bearer"
_GENERATED = ("HTTPValidationError", "ValidationError")
"""What the framework describes wherever there is a parameter; no request is answered so."""
_ALWAYS = (431, 500)
_WITH_KEYS = (401, 403)

ScopeOf = Callable[[str], Optional[str]]
"""What a key must open for a path; None where it needs none."""


def describe(app: FastAPI, scope_of: Optional[ScopeOf]) -> None:
    """Let the application describe itself; without keys there is no `scope_of`."""

    def description() -> Dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _description(app, scope_of)
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]


def _description(app: FastAPI, scope_of: Optional[ScopeOf]) -> Dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        servers=app.servers,
    )
    schemas = document["components"]["schemas"]
    for name in _GENERATED:
        schemas.pop(name, None)
    if scope_of is not None:
        document["components"]["securitySchemes"] = {
            _SCHEME: {"type": "http", "scheme": "bearer", "description": "A key from the operators."}
        }
    for path, operations in document["paths"].items():
        for operation in operations.values():
            needs_key = scope_of is not None and scope_of(path) is not None
            if needs_key:
                operation["security"] = [{_SCHEME: []}]
            _complete(operation["responses"], path, (*_ALWAYS, *(_WITH_KEYS if needs_key else ())))
    return document


def _complete(responses: Dict[str, Any], path: str, statuses: Any) -> None:
    """Take out what the framework made up, and add the errors that a route does not know of."""
    generated = f"#/components/schemas/{_GENERATED[0]}"
    for status in [status for status, response in responses.items() if generated in str(response)]:
        del responses[status]
    form = "InferenceError" if path == "/v2" or path.startswith("/v2/") else "ErrorAnswer"
    schema = {"$ref": f"#/components/schemas/{form}"}
    for status in statuses:
        responses.setdefault(
            str(status), {"description": ERRORS[status], "content": {"application/json": {"schema": schema}}}
        )
