"""The application of one worker: routes, error answers, counting."""

from __future__ import annotations

from typing import Any, AsyncContextManager, Callable, Dict

from fastapi import FastAPI
from fastapi.responses import Response
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hotpath import __version__
from hotpath.http import errors, predict, v2
from hotpath.http.errors import Problem
from hotpath.http.service import Service
from hotpath.metrics.exposition import render as render_metrics
from hotpath.metrics.layout import STATUSES, route_of
from hotpath.metrics.table import Row

Lifespan = Callable[[FastAPI], AsyncContextManager[None]]


def create(service: Service, row: Row, lifespan: Lifespan) -> ASGIApp:
    """The worker's ASGI application."""
    # The offline variant serves the assets of /docs itself, for hosts and browsers without internet.
    app = FastAPIOffline(
        redoc_url=None,
        title="Hotpath",
        version=__version__,
        description="Image classification: batched, bounded, observed.",
        lifespan=lifespan,
    )
    errors.install(app)
    app.include_router(predict.routes(service))
    app.include_router(v2.routes(service), prefix="/v2")
    _add_operations(app, service)
    return Counting(app, row)


def _add_operations(app: FastAPI, service: Service) -> None:
    @app.get("/livez", summary="Whether this process answers")
    async def livez() -> Dict[str, Any]:
        return {"status": "live", "service": "hotpath", "version": __version__}

    @app.get("/readyz", summary="Whether requests are taken (503: not now)")
    async def readyz() -> Dict[str, Any]:
        reason = service.unready()
        if reason is not None:
            raise Problem(503, "not_ready", reason, "Wait, or ask another host.", {"Retry-After": "1"})
        return {"status": "ready"}

    @app.get(
        "/metrics", summary="Metrics of all processes, in Prometheus's text format", response_class=Response
    )
    async def metrics() -> Response:
        return Response(render_metrics(service.table), media_type="text/plain; version=0.0.4; charset=utf-8")


class Counting:
    """Counts answers by route and status; outermost, so that nothing escapes it."""

    def __init__(self, app: ASGIApp, row: Row) -> None:
        self._app = app
        self._row = row

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        route = route_of(scope["path"])

        async def count(message: Message) -> None:
            if message["type"] == "http.response.start":
                status = str(message["status"])
                self._row.add("hotpath_requests", (route, status if status in STATUSES else "other"))
            await send(message)

        await self._app(scope, receive, count)
