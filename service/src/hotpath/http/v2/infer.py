"""The way of an inference request: every item takes the way that /predict's takes, all at once."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable, List, Optional, Sequence, Tuple

from fastapi import Request
from fastapi.responses import Response

from hotpath.core import InputError
from hotpath.http.body import read_whole
from hotpath.http.catalogue import Served
from hotpath.http.compression import coding_of, decompress
from hotpath.http.direct import Respond
from hotpath.http.errors import Problem
from hotpath.http.service import Answered, Service
from hotpath.http.together import together
from hotpath.http.urgency import urgency_of
from hotpath.http.v2.answer import assemble
from hotpath.http.v2.items import Accepted, Given
from hotpath.http.v2.request import Wanted, understand
from hotpath.http.v2.schema import LENGTH_HEADER
from hotpath.http.waiting import ClientGone, Patience
from hotpath.ipc.slots import Lease
from hotpath.observing.record import Record, record_of
from hotpath.tasks.task import Fill, Prepared


@dataclass(frozen=True)
class Found:
    """What is to be answered, and with what."""

    wanted: Wanted
    items: Sequence[Tuple[Fill, bytes]]
    """Each item and its answer, in order."""


def responder(service: Service) -> Respond:
    """What answers for a model, in the version that is its live one."""

    async def respond(request: Request, name: str) -> Response:
        return await infer(service, request, name, None)

    return respond


async def infer(service: Service, request: Request, name: str, version: Optional[str]) -> Response:
    """The answer to one request for a model, or a version of it. Raises Problem."""
    try:
        return await _infer(service, request, name, version)
    except ClientGone:
        return Response(status_code=499)  # nobody reads it; the counters do


async def _infer(service: Service, request: Request, name: str, version: Optional[str]) -> Response:
    started = time.monotonic()
    limits = service.config.limits
    served = service.catalogue.choose(name, version)
    urgency = urgency_of(request.headers, limits.request_timeout_s)
    coding = coding_of(request.headers)
    with service.admission(served, urgency):
        upload = service.uploads.begin(request, urgency, started)
        body = await read_whole(request, limits.body_bytes, upload)
        record = record_of(request.scope)
        arrived = record.body_is_in(len(body))
        served = service.catalogue.again(served, version)

        def read(accepted: Accepted) -> Wanted:
            plain = decompress(body, coding, limits.body_bytes, limits.body_bytes) if coding else body
            return understand(plain, request.headers.get(LENGTH_HEADER), accepted)

        found = await run(service, served, read, Patience(request.receive, started, arrived, urgency), record)
    service.row.observe("hotpath_request_seconds", time.monotonic() - started)
    content, kind, headers = assemble(found.wanted, served, found.items)
    return Response(content, 200, headers, kind)


async def run(
    service: Service, served: Served, read: Callable[[Accepted], Wanted], patience: Patience, record: Record
) -> Found:
    """The way of a request that is in: from a place to its answers. `read` is done in a thread.

    To be used inside `service.admission`. Raises Problem, or what that turns into one.
    """
    accepted = Accepted(served.task, service.most_items[served.offer.model])
    with served.held(), service.place(served) as lease:
        async with patience:
            wanted = await patience.wait(service.decoder.run(lambda: read(accepted)))
            patience.hurry(patience.urgency.hurried(wanted.timeout_s, wanted.priority))
            fills = _fills(service, served, wanted.items)
            with service.more_places(served, len(fills) - 1) as more:
                found = await together(
                    [
                        _predict(service, served, index, fill, place, patience)
                        for index, (fill, place) in enumerate(zip(fills, [lease, *more]))
                    ]
                )
    record.answered_by(served.offer.model, served.offer.version, [one.stages for one in found])
    return Found(wanted, list(zip(fills, [one.answer for one in found])))


async def _predict(
    service: Service, served: Served, index: int, fill: Fill, lease: Lease, patience: Patience
) -> Answered:
    try:
        return await service.predict(served, fill, lease, patience)
    except InputError as error:
        raise _unusable(served, index, error) from error


def _fills(service: Service, served: Served, items: Sequence[Given]) -> List[Fill]:
    """Raises Problem."""
    found: List[Fill] = []
    for index, item in enumerate(items):
        try:
            found.append(_fill(service, served, item))
        except InputError as error:
            raise _unusable(served, index, error) from error
    return found


def _fill(service: Service, served: Served, item: Given) -> Fill:
    task = served.task
    if isinstance(item, bytes):
        return task.encoded(item, service.item_limits)
    varying = [len(array) for array, spec in zip(item, task.inputs) if spec.varies]
    return Prepared(item, varying[0] if varying else 1)


def _unusable(served: Served, index: int, error: InputError) -> Problem:
    element = served.task.element
    name = element.name if element else served.task.inputs[0].name
    return Problem(
        error.status,
        error.code,
        f"The element {index} of the input {name!r} can't be used: {error}.",
        f"Way out: {error.remedy}.",
    )
