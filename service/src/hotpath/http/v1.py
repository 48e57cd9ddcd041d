"""APIs that others made, below /v1: which there are, the tasks of the models say."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel

from hotpath import json_text
from hotpath.http.body import Packed, kind_of, read_content
from hotpath.http.catalogue import Served
from hotpath.http.errors import Problem, validated
from hotpath.http.schema import REQUEST_HEADERS, error_responses, standing_alone
from hotpath.http.service import Service
from hotpath.http.urgency import urgency_of
from hotpath.http.waiting import ClientGone, Patience
from hotpath.observing.record import record_of
from hotpath.tasks.task import Content, Interface

JSON = Content(
    ("application/json",), "Send JSON, with the Content-Type application/json.", {"application/json": {}}
)

_QUICK_BYTES = 1 << 14
"""A body of so many is parsed by the event loop itself."""


class ListedModel(BaseModel):
    """A model, in the form of OpenAI's list."""

    id: str
    object: str
    created: int
    owned_by: str


class ListedModels(BaseModel):
    """Every model."""

    object: str
    data: List[ListedModel]


def routes(service: Service) -> APIRouter:
    """The routes, for the application to include with its prefix."""
    router = APIRouter(tags=["Other APIs"])
    offered: Dict[str, Interface] = {}
    for served in service.catalogue.served.values():
        for path, interface in served.task.interfaces.items():
            offered.setdefault(path, interface)
    for path, interface in offered.items():
        _add(router, service, path, interface)

    @router.get("/models", summary="The models, in the form of OpenAI's list", response_model=ListedModels)
    async def models() -> Dict[str, Any]:
        listed = [
            {"id": name, "object": "model", "created": 0, "owned_by": "hotpath"}
            for name in service.catalogue.names
        ]
        return {"object": "list", "data": listed}

    return router


def _add(router: APIRouter, service: Service, path: str, interface: Interface) -> None:
    async def respond(request: Request) -> Response:
        try:
            answer = await _answer(service, request, path)
        except ClientGone:
            return Response(status_code=499)  # nobody reads it; the counters do
        content = json_text.written(answer)
        return Response(content, 200, media_type="application/json")

    router.add_api_route(
        f"/{path}",
        respond,
        methods=["POST"],
        summary=interface.summary,
        response_class=Response,
        responses={200: {"model": interface.answer}, **error_responses()},
        openapi_extra={
            "parameters": REQUEST_HEADERS,
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": standing_alone(interface.request.model_json_schema())}
                },
            },
        },
    )


async def _answer(service: Service, request: Request, path: str) -> Dict[str, Any]:
    """The answer to one request. Raises Problem, InputError or ClientGone."""
    started = time.monotonic()
    limits = service.config.limits
    urgency = urgency_of(request.headers, limits.request_timeout_s)
    # The body names the model; at the door it is asked whether any that there is could take one.
    offering = _offering(service, path)
    door = next((served for served in offering if service.welcomes(served, urgency)), offering[0])
    with service.admission(door, urgency):
        kind = kind_of(request, JSON)
        upload = service.uploads.begin(request, urgency, started)
        body = await read_content(request, kind, limits.body_bytes, upload)
        record = record_of(request.scope)
        arrived = record.body_is_in(len(body))
        async with Patience(request.receive, started, arrived, urgency) as patience:
            if isinstance(body, Packed):
                body = await patience.wait(service.decoder.run(body.unpack))
            document = (
                _parse(body)
                if len(body) <= _QUICK_BYTES
                else await patience.wait(service.decoder.run(lambda: _parse(bytes(body))))
            )
            served = _named(service, path, document)
            with service.admission(served, urgency), served.held(), service.place(served) as lease:
                interface = served.task.interfaces[path]
                ask = interface.asked(
                    validated(interface.request, document, "See /docs."), service.item_limits
                )
                found = await service.predict_all(served, ask.fills, lease, patience)
    record.answered_by(served.offer.model, served.offer.version, [one.stages for one in found])
    service.row.observe("hotpath_request_seconds", time.monotonic() - started)
    return ask.describe([one.answer for one in found])


def _offering(service: Service, path: str) -> List[Served]:
    """What of the models has the interface. Raises Problem where none has it any more."""
    every = [service.catalogue.find(name) for name in service.catalogue.names]
    found = [served for served in every if path in served.task.interfaces]
    if not found:
        raise Problem(404, "not_found", f"No model answers /v1/{path}.", "See /v1/models and /docs.")
    return found


def _named(service: Service, path: str, document: Dict[str, Any]) -> Served:
    """The model that the request names; where it names none, the first with the interface. Raises Problem."""
    offering = _offering(service, path)
    name: Optional[Any] = document.get("model")
    if name is None:
        return service.catalogue.choose(offering[0].offer.model)
    if not isinstance(name, str):
        raise Problem(400, "invalid_request", "'model' is no text.", "Name a model, or leave it out.")
    served = service.catalogue.choose(name)
    if path not in served.task.interfaces:
        names = ", ".join(one.offer.model for one in offering)
        raise Problem(
            400,
            "not_supported",
            f"The model {name!r} does not answer /v1/{path}.",
            f"Ask for one of: {names}.",
        )
    return served


def _parse(body: bytes) -> Dict[str, Any]:
    """Raises InputError or Problem."""
    document = json_text.read(body, JSON.remedy)
    if not isinstance(document, dict):
        raise Problem(400, "invalid_json", "The body is no JSON object.", "Send one, as /docs shows.")
    return document
