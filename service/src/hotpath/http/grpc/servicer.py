"""What each method of the protocol answers; refusals are raised."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Awaitable, Callable, Dict, Optional, Tuple

from hotpath.http.catalogue import Served
from hotpath.http.grpc.answering import of_document, of_inference
from hotpath.http.grpc.calls import Call
from hotpath.http.grpc.messages import message
from hotpath.http.grpc.reading import InferRequest, understand
from hotpath.http.service import Service
from hotpath.http.urgency import urgency_of
from hotpath.http.v2 import configuration, metadata, triton
from hotpath.http.v2.infer import run
from hotpath.http.waiting import Patience

Answer = Callable[[Call, Any], Awaitable[Any]]
"""The message that answers a message. Raises Problem, InputError or ClientGone."""

REFUSED = {
    **dict.fromkeys(("RepositoryModelLoad", "RepositoryModelUnload"), triton.MODELS),
    **{
        f"{kind}SharedMemory{what}": triton.MEMORY
        for kind in ("System", "Cuda")
        for what in ("Status", "Register", "Unregister")
    },
    "TraceSetting": triton.TRACES,
    "LogSettings": triton.LOG,
}
"""What Triton's clients ask for besides: by method what is wrong and the way out."""


class Servicer:
    """The protocol's methods but for the stream, over one worker's service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.methods: Dict[str, Tuple[Any, Answer]] = {
            "ServerLive": (message("ServerLiveRequest"), self._live),
            "ServerReady": (message("ServerReadyRequest"), self._ready),
            "ServerMetadata": (message("ServerMetadataRequest"), self._server),
            "ModelReady": (message("ModelReadyRequest"), self._model_ready),
            "ModelMetadata": (message("ModelMetadataRequest"), self._model),
            "ModelConfig": (message("ModelConfigRequest"), self._configuration),
            "ModelStatistics": (message("ModelStatisticsRequest"), self._statistics),
            "RepositoryIndex": (message("RepositoryIndexRequest"), self._index),
            "ModelInfer": (InferRequest, self.infer),
        }
        """By name what a method takes and what answers it."""

    async def infer(self, call: Call, request: Any) -> Any:
        """ModelInfer, and one message of ModelStreamInfer."""
        service, record = self._service, call.record
        arrived = time.monotonic() if record.received is None else record.received
        served = service.catalogue.choose(request.model_name, request.model_version or None)
        urgency = urgency_of(call.headers, service.config.limits.request_timeout_s)
        urgency = urgency.hurried(call.left_s, None)
        with service.admission(served, urgency), call.watched(urgency):
            # That the client has gone, gRPC tells by cancelling.
            patience = Patience(asyncio.Event().wait, record.started, arrived, urgency)
            found = await run(
                service, served, lambda accepted: understand(request, accepted), patience, record
            )
        service.row.observe("hotpath_request_seconds", time.monotonic() - record.started)
        return of_inference(found, served)

    def _find(self, request: Any) -> Served:
        return self._service.catalogue.find(request.name, request.version or None)

    async def _live(self, call: Call, request: Any) -> Any:
        return of_document("ServerLiveResponse", {"live": True})

    async def _ready(self, call: Call, request: Any) -> Any:
        return of_document("ServerReadyResponse", {"ready": self._service.unready() is None})

    async def _server(self, call: Call, request: Any) -> Any:
        return of_document("ServerMetadataResponse", metadata.SERVER)

    async def _model_ready(self, call: Call, request: Any) -> Any:
        ready = self._service.unready(self._find(request)) is None
        return of_document("ModelReadyResponse", {"ready": ready})

    async def _model(self, call: Call, request: Any) -> Any:
        versions = self._service.catalogue.versions(request.name)
        return of_document("ModelMetadataResponse", metadata.of_model(self._find(request), versions))

    async def _configuration(self, call: Call, request: Any) -> Any:
        served = self._find(request)
        config = configuration.of_model(served, self._service.most_items[served.offer.model])
        return of_document("ModelConfigResponse", {"config": config})

    async def _statistics(self, call: Call, request: Any) -> Any:
        name: Optional[str] = request.name or None
        found = triton.statistics_of(self._service, name, request.version or None)
        return of_document("ModelStatisticsResponse", found)

    async def _index(self, call: Call, request: Any) -> Any:
        return of_document(
            "RepositoryIndexResponse", {"models": triton.index_of(self._service, request.ready)}
        )
