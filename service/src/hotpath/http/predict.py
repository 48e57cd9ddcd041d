"""POST /predict: one image, one answer."""

from __future__ import annotations

import json
import time
from typing import Any, Awaitable, Callable, Dict, Optional

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from hotpath.http.body import read_image
from hotpath.http.catalogue import Served
from hotpath.http.schema import PREDICT_REQUEST, PREDICT_RESPONSES
from hotpath.http.service import Answered, Service
from hotpath.http.urgency import urgency_of
from hotpath.http.waiting import ClientGone, Patience
from hotpath.observing.record import record_of

Respond = Callable[[Request, str], Awaitable[Response]]
"""Answers a request with a model that it names. Raises Problem or ImageError."""


def responder(service: Service) -> Respond:
    """What answers on both paths."""

    async def respond(request: Request, name: str) -> Response:
        try:
            answer = await _predict(service, request, name)
        except ClientGone:
            return Response(status_code=499)  # nobody reads it; the counters do
        content = json.dumps(answer, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
        return Response(content, 200, media_type="application/json")

    return respond


def routes(service: Service, respond: Respond) -> APIRouter:
    """The routes, for the application to include."""
    router = APIRouter()

    described: Dict[str, Any] = {
        "responses": PREDICT_RESPONSES,
        "openapi_extra": PREDICT_REQUEST,
        "response_class": Response,
    }

    @router.post("/models/{name}/predict", summary="Classify one image with a named model", **described)
    async def predict_with(request: Request, name: str) -> Response:
        return await respond(request, name)

    @router.post("/predict", summary="Classify one image", **described)
    async def predict(
        request: Request,
        model: Optional[str] = Query(None, description="A model's name; the first one by default."),
    ) -> Response:
        return await respond(request, model or service.catalogue.names[0])

    return router


async def _predict(service: Service, request: Request, name: str) -> Dict[str, Any]:
    """The answer to one request. Raises Problem, ImageError or ClientGone."""
    started = time.monotonic()
    limits = service.config.limits
    served = service.catalogue.choose(name)
    urgency = urgency_of(request.headers, limits.request_timeout_s)
    with service.admission(served, urgency):
        upload = service.uploads.begin(request, urgency, started)
        body = await read_image(request, limits.body_bytes, upload)
        record = record_of(request.scope)
        arrived = record.body_is_in(len(body))
        served = service.catalogue.again(served)
        with served.held(), service.place(served) as lease:
            async with Patience(request, started, arrived, urgency) as patience:
                if not isinstance(body, bytes):
                    body = await patience.wait(service.decoder.run(body.unpack))
                fill = served.task.encoded(body, service.image_limits)
                found = await service.predict(served, fill, lease, patience)
    record.answered_by(served.offer.model, served.offer.version, [found.stages])
    total_s = time.monotonic() - started
    service.row.observe("hotpath_request_seconds", total_s)
    return _answer(served, found, total_s)


def _answer(served: Served, found: Answered, total_s: float) -> Dict[str, Any]:
    identity = served.model.identity
    outcome = found.outcome
    seconds = {
        "decode": found.stages.decode_s,
        "queue": outcome.queue_s,
        "compute": outcome.compute_s,
        "total": total_s,
    }
    return {
        **served.task.described(found.answer),
        "model": {"name": identity.name, "version": identity.version},
        "batch_size": outcome.batch_size,
        "timings_ms": {name: round(value * 1000, 3) for name, value in seconds.items()},
    }
