"""The application of one worker: routes, error answers, keys, observation."""

from __future__ import annotations

import os
from typing import Any, AsyncContextManager, Callable, Dict, Optional, Sequence

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from hotpath import __version__
from hotpath.http import docs, errors, page, predict, v1, v2
from hotpath.http.cors import Cors
from hotpath.http.description import describe
from hotpath.http.direct import Direct
from hotpath.http.errors import Problem
from hotpath.http.guard import Guard
from hotpath.http.keys import KeyFile
from hotpath.http.methods import Heads, Options
from hotpath.http.observed import Observed
from hotpath.http.paths import Paths
from hotpath.http.proxies import Proxied
from hotpath.http.schema import ErrorAnswer
from hotpath.http.service import Service
from hotpath.metrics.exposition import render as render_metrics
from hotpath.metrics.table import Row
from hotpath.observing.record import Observer

Lifespan = Callable[[FastAPI], AsyncContextManager[None]]


def create(
    service: Service,
    row: Row,
    lifespan: Lifespan,
    keys: Optional[KeyFile] = None,
    observers: Sequence[Observer] = (),
) -> ASGIApp:
    """The worker's ASGI application; without keys it is open to everybody."""
    server = service.config.server
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        title="Hotpath",
        version=__version__,
        description="Inference: batched, bounded, observed.",
        servers=[{"url": server.root_path}] if server.root_path else None,
        lifespan=lifespan,
    )
    errors.install(app)
    respond = predict.responder(service)
    app.include_router(predict.routes(service, respond))
    app.include_router(v1.routes(service), prefix="/v1")
    app.include_router(v2.routes(service), prefix="/v2")
    _add_operations(app, service)
    docs.add(app, server.root_path)
    page.add(app, server.root_path)
    named = {("/models/", "/predict"): respond, ("/v2/models/", "/infer"): v2.responder(service)}
    whole = Direct(Options(app), lambda: service.catalogue.names[0], respond, named)
    guard = None if keys is None else Guard(whole, keys, service.config.auth.protect_metrics)
    describe(app, guard.scope_of if guard else None)
    answering: ASGIApp = Heads(guard or whole)
    if server.cors_origins:
        answering = Cors(answering, server.cors_origins)
    observed = Paths(Observed(answering, row, observers), server.root_path)
    return Proxied(observed, server.trusted_proxies) if server.trusted_proxies else observed


def _add_operations(app: FastAPI, service: Service) -> None:
    @app.get("/livez", summary="Whether this process answers")
    async def livez() -> Dict[str, Any]:
        return {"status": "live", "service": "hotpath", "version": __version__}

    @app.get(
        "/readyz",
        summary="Whether requests are taken (503: not now)",
        responses={503: {"model": ErrorAnswer}},
    )
    async def readyz() -> Dict[str, Any]:
        reason = service.unready()
        if reason is not None:
            raise Problem(503, "not_ready", reason, "Wait, or ask another host.", {"Retry-After": "1"})
        return {"status": "ready"}

    @app.get(
        "/metrics",
        summary="Metrics of all processes, in Prometheus's text format",
        response_class=PlainTextResponse,
    )
    async def metrics() -> Response:
        text = render_metrics(service.table, os.getppid())
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")
