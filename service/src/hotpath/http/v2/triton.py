"""What Triton's clients and tools ask for beyond the protocol: answered, or refused in words."""

from __future__ import annotations

import asyncio
from typing import Any, Dict, List, Optional

from fastapi import APIRouter, Request
from starlette.requests import ClientDisconnect

from hotpath import json_text
from hotpath.http.catalogue import Served
from hotpath.http.errors import Problem
from hotpath.http.linger import body_is_over
from hotpath.http.service import Service
from hotpath.http.v2 import configuration, statistics
from hotpath.http.v2.problems import invalid
from hotpath.http.v2.schema import errors_of
from hotpath.ipc.offers import State

MOST_BYTES, LONGEST_S = 4096, 5.0
"""Of the body of a request for the index, which says little."""

MODELS = (
    "Models are not loaded or unloaded by clients.",
    "The operators change them by hotpath swap and hotpath reload.",
)
MEMORY = (
    "Shared memory is not supported.",
    "Send tensors in the request, binary ones behind its JSON part.",
)
TRACES = (
    "Traces are not set by clients.",
    "The operators set them as tracing.ratio; a traceparent decides for its own request.",
)
LOG = ("The log is not set by clients.", "The operators set it as server.log_level.")
_TEXT = ("No model here generates text.", "Ask for /infer.")
_REFUSED = {
    "/repository/models/{name}/load": MODELS,
    "/repository/models/{name}/unload": MODELS,
    "/systemsharedmemory/{path:path}": MEMORY,
    "/cudasharedmemory/{path:path}": MEMORY,
    "/trace/setting": TRACES,
    "/models/{name}/trace/setting": TRACES,
    "/logging": LOG,
    "/models/{name}/generate": _TEXT,
    "/models/{name}/generate_stream": _TEXT,
}
"""By path what is wrong and the way out."""


def add(router: APIRouter, service: Service) -> None:
    """Add the routes; before those of single models, which would take `stats` for a name."""
    catalogue = service.catalogue

    @router.get("/models/stats", summary="What every model has done, in Triton's form")
    async def every_statistics() -> Dict[str, Any]:
        return statistics_of(service)

    @router.get(
        "/models/{name}/stats", summary="What a model has done, in Triton's form", responses=errors_of(404)
    )
    @router.get(
        "/models/{name}/versions/{version}/stats",
        summary="The same, of a named version",
        responses=errors_of(404),
    )
    async def model_statistics(name: str, version: Optional[str] = None) -> Dict[str, Any]:
        return statistics_of(service, name, version)

    @router.get(
        "/models/{name}/config", summary="A model's configuration, in Triton's form", responses=errors_of(404)
    )
    @router.get(
        "/models/{name}/versions/{version}/config",
        summary="The same, of a named version",
        responses=errors_of(404),
    )
    async def model_configuration(name: str, version: Optional[str] = None) -> Dict[str, Any]:
        return configuration.of_model(catalogue.find(name, version), service.most_items[name])

    @router.post("/repository/index", summary="Every version of every model, in Triton's form")
    async def index(request: Request) -> List[Dict[str, str]]:
        return index_of(service, await _wants_ready(request))

    for path, (message, remedy) in _REFUSED.items():
        _refuse(router, path, not_supported(message, remedy))


def statistics_of(
    service: Service, name: Optional[str] = None, version: Optional[str] = None
) -> Dict[str, Any]:
    """Of every model, of one, or of one version of it. Raises Problem."""
    catalogue = service.catalogue
    if name is not None and version is not None:
        every = [catalogue.find(name, version)]
    else:
        names = catalogue.names if name is None else [name]
        every = [one for known in names for one in catalogue.versions(known)]
    return {"model_stats": [statistics.of_model(served, service.table) for served in every]}


def index_of(service: Service, only_ready: bool) -> List[Dict[str, str]]:
    """Every version of every model, or those that answer."""
    every = [_entry(service, served) for served in service.catalogue.served.values()]
    return [entry for entry in every if entry["state"] == "READY" or not only_ready]


def not_supported(message: str, remedy: str) -> Problem:
    """The answer to what Triton does and this service does not."""
    return Problem(400, "not_supported", message, remedy)


async def _wants_ready(request: Request) -> bool:
    """Whether the body of a request for the index asks for what is ready alone. Raises Problem."""
    body = b""

    async def read() -> None:
        nonlocal body
        async for chunk in request.stream():
            body += chunk[: MOST_BYTES - len(body) + 1]

    try:
        await asyncio.wait_for(read(), LONGEST_S)
        document = json_text.parse(body or b"{}") if len(body) <= MOST_BYTES else None
    except (asyncio.TimeoutError, ClientDisconnect, ValueError):
        document = None
    body_is_over(request)
    if not isinstance(document, dict):
        raise invalid("The body is no JSON object, too large or late.", 'Send {"ready": true}, or nothing.')
    return document.get("ready") is True


def _entry(service: Service, served: Served) -> Dict[str, str]:
    state, reason = "READY", ""
    if served.offer.state is State.DRAINING:
        state = "UNLOADING"
    elif served.offer.state is State.LOADING:
        state = "LOADING"
    elif served.offer.state is State.SHADOW:
        state, reason = "UNAVAILABLE", "It is being compared with the live version, and answers nobody yet."
    else:
        reason = service.unready(served) or ""
        state = "UNAVAILABLE" if reason else "READY"
    return {"name": served.offer.model, "version": served.offer.version, "state": state, "reason": reason}


def _refuse(router: APIRouter, path: str, problem: Problem) -> None:
    async def refuse() -> None:
        raise problem

    router.add_api_route(path, refuse, methods=["GET", "POST"], include_in_schema=False)
