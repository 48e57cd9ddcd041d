"""The way of an inference request: every image takes the way that /predict's takes, all at once."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Coroutine, List, Optional, Sequence, TypeVar

from fastapi import Request
from fastapi.responses import Response

from hotpath.codec import ImageError
from hotpath.http.body import read_whole
from hotpath.http.catalogue import Served
from hotpath.http.compression import coding_of, decompress
from hotpath.http.errors import Problem
from hotpath.http.service import Answered, Service
from hotpath.http.urgency import urgency_of
from hotpath.http.v2.answer import assemble
from hotpath.http.v2.request import Wanted, understand
from hotpath.http.v2.schema import INPUT, LENGTH_HEADER
from hotpath.http.v2.tensors import Accepted, Image
from hotpath.http.waiting import Patience
from hotpath.ipc.slots import Lease
from hotpath.observing.record import record_of
from hotpath.tasks.task import prepared

T = TypeVar("T")


async def infer(service: Service, request: Request, name: str, version: Optional[str]) -> Response:
    """The answer to one request for a model, or a version of it. Raises Problem or ClientGone."""
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
        accepted = Accepted(served.model.shape, service.most_images[served.offer.model])

        def read() -> Wanted:
            plain = decompress(body, coding, limits.body_bytes, limits.body_bytes) if coding else body
            return understand(plain, request.headers.get(LENGTH_HEADER), accepted)

        with served.held(), service.place(served) as lease:
            async with Patience(request, started, arrived, urgency) as patience:
                wanted = await patience.wait(service.decoder.run(read))
                patience.hurry(urgency.hurried(wanted.timeout_s, wanted.priority))
                with service.more_places(served, len(wanted.images) - 1) as more:
                    found = await _together(
                        [
                            _predict(service, served, index, image, place, patience)
                            for index, (image, place) in enumerate(zip(wanted.images, [lease, *more]))
                        ]
                    )
    record.answered_by(served.offer.model, served.offer.version, [one.stages for one in found])
    service.row.observe("hotpath_request_seconds", time.monotonic() - started)
    content, kind, headers = assemble(wanted, served, [one.answer for one in found])
    return Response(content, 200, headers, kind)


async def _predict(
    service: Service, served: Served, index: int, image: Image, lease: Lease, patience: Patience
) -> Answered:
    task, limits = served.task, service.image_limits
    fill = task.encoded(image, limits) if isinstance(image, bytes) else prepared(image)
    try:
        return await service.predict(served, fill, lease, patience)
    except ImageError as error:
        raise Problem(
            error.status,
            error.code,
            f"The element {index} of the input {INPUT!r} can't be used: {error.message}.",
            f"Way out: {error.remedy}.",
        ) from error


async def _together(ways: Sequence[Coroutine[Any, Any, T]]) -> List[T]:
    """All results, in order. When one fails, the others are stopped before its error is raised."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()  # without effect on one that is done
        await asyncio.gather(*tasks, return_exceptions=True)
