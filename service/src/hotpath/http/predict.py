"""POST /predict: a request as the model's task has it, and its answer."""

from __future__ import annotations

import time
from typing import Any, Dict, Optional, Sequence

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from hotpath import json_text
from hotpath.http.body import Packed, kind_of, read_content
from hotpath.http.catalogue import Served
from hotpath.http.chain import THEN, Second, follow, second_of
from hotpath.http.direct import Respond
from hotpath.http.quick import QuickJson
from hotpath.http.schema import predict_request, predict_responses
from hotpath.http.service import Answered, Service
from hotpath.http.urgency import urgency_of
from hotpath.http.waiting import ClientGone, Patience
from hotpath.observing.record import record_of
from hotpath.tasks.task import Ask

_THEN = Query(None, description="A second model, to be asked about each object that the first one finds.")


def responder(service: Service) -> Respond:
    """What answers on both paths."""

    async def respond(request: Request, name: str) -> Response:
        try:
            answer = await _predict(service, request, name)
        except ClientGone:
            return Response(status_code=499)  # nobody reads it; the counters do
        return QuickJson(json_text.written(answer))

    return respond


def routes(service: Service, respond: Respond) -> APIRouter:
    """The routes, for the application to include."""
    router = APIRouter()

    tasks = [served.task for served in service.catalogue.served.values()]
    described: Dict[str, Any] = {
        "responses": predict_responses(tasks),
        "openapi_extra": predict_request(tasks),
        "response_class": Response,
    }

    @router.post("/models/{name}/predict", summary="Ask a named model", **described)
    async def predict_with(request: Request, name: str, then: Optional[str] = _THEN) -> Response:
        return await respond(request, name)

    @router.post("/predict", summary="Ask the first model, or the one that the query names", **described)
    async def predict(
        request: Request,
        model: Optional[str] = Query(None, description="A model's name; the first one by default."),
        then: Optional[str] = _THEN,
    ) -> Response:
        return await respond(request, model or service.catalogue.names[0])

    return router


async def _predict(service: Service, request: Request, name: str) -> Dict[str, Any]:
    """The answer to one request. Raises Problem, InputError or ClientGone."""
    started = time.monotonic()
    limits = service.config.limits
    served = service.catalogue.choose(name)
    urgency = urgency_of(request.headers, limits.request_timeout_s)
    with service.admission(served, urgency):
        upload = service.uploads.begin(request, urgency, started)
        kind = kind_of(request, served.task.content)
        body = await read_content(request, kind, limits.body_bytes, upload)
        record = record_of(request.scope)
        arrived = record.body_is_in(len(body))
        served = service.catalogue.again(served)
        with served.held(), service.place(served) as lease:
            async with Patience(request.receive, started, arrived, urgency) as patience:
                if isinstance(body, Packed):
                    body = await patience.wait(service.decoder.run(body.unpack))
                options = request.query_params if request.scope["query_string"] else {}
                ask = served.task.asked(body, kind, options, service.item_limits)
                then = options.get(THEN)
                following = second_of(service, then, served, ask) if then else None
                found = await service.predict_all(served, ask.fills, lease, patience)
                second = await follow(service, following, ask, found, patience) if following else None
    record.answered_by(served.offer.model, served.offer.version, [one.stages for one in found])
    total_s = time.monotonic() - started
    service.row.observe("hotpath_request_seconds", total_s)
    said = _said(ask, [one.answer for one in found], second)
    if second is None:
        service.comparing.answered(request, kind, body, said, served.task.says_the_same)
    return _answer(served, said, found, total_s)


def _said(ask: Ask, answers: Sequence[bytes], second: Optional[Second]) -> Dict[str, Any]:
    """What the models say of the items."""
    if second is None or ask.parts is None:
        return ask.describe(answers)
    return {**ask.parts.describe(answers, second.described), THEN: _identity(second.served)}


def _answer(
    served: Served, said: Dict[str, Any], found: Sequence[Answered], total_s: float
) -> Dict[str, Any]:
    """Where there were several items, the times are of the one that took longest, and so is the batch."""
    outcomes = [one.outcome for one in found]
    seconds = {
        "decode": max([one.stages.decode_s for one in found]),
        "queue": max([outcome.queue_s for outcome in outcomes]),
        "compute": max([outcome.compute_s for outcome in outcomes]),
        "total": total_s,
    }
    return {
        **said,
        "model": _identity(served),
        "batch_size": max([outcome.batch_size for outcome in outcomes]),
        "timings_ms": {name: round(value * 1000, 3) for name, value in seconds.items()},
    }


def _identity(served: Served) -> Dict[str, str]:
    return {"name": served.model.identity.name, "version": served.model.identity.version}
