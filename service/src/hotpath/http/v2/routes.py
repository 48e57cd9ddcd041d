"""The protocol's routes, below /v2."""

from __future__ import annotations

from typing import Any, Dict, Optional

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hotpath.http.catalogue import Served
from hotpath.http.errors import Problem
from hotpath.http.service import Service
from hotpath.http.v2 import metadata, triton
from hotpath.http.v2.infer import infer
from hotpath.http.v2.schema import INFER_REQUEST, INFER_RESPONSES, errors_of


def routes(service: Service) -> APIRouter:
    """The routes, for the application to include with its prefix."""
    router = APIRouter(tags=["Open Inference Protocol v2"])
    _add_health(router, service)
    triton.add(router, service)
    _add_models(router, service)
    return router


def _add_health(router: APIRouter, service: Service) -> None:
    @router.get("", summary="Name, version and extensions of the server")
    async def server() -> Dict[str, Any]:
        return metadata.SERVER

    @router.get("/health/live", summary="Whether this process answers")
    async def live() -> Dict[str, bool]:
        return {"live": True}

    @router.get(
        "/health/ready", summary="Whether requests are taken (503: not now)", responses=errors_of(503)
    )
    async def ready() -> Dict[str, bool]:
        _require_ready(service, None)
        return {"live": True, "ready": True}  # the protocol's text calls the key `live` here too


def _add_models(router: APIRouter, service: Service) -> None:
    catalogue = service.catalogue

    told = errors_of(404)

    @router.get("/models/{name}", summary="Inputs, outputs and version of a model", responses=told)
    @router.get("/models/{name}/versions/{version}", summary="The same, of a named version", responses=told)
    async def model(name: str, version: Optional[str] = None) -> Dict[str, Any]:
        return metadata.of_model(catalogue.find(name, version), catalogue.versions(name))

    told = {**told, **errors_of(503)}

    @router.get("/models/{name}/ready", summary="Whether a model is ready (503: not now)", responses=told)
    @router.get(
        "/models/{name}/versions/{version}/ready", summary="The same, of a named version", responses=told
    )
    async def model_ready(name: str, version: Optional[str] = None) -> Dict[str, Any]:
        _require_ready(service, catalogue.find(name, version))
        return {"name": name, "ready": True}

    # Registered in this order, the path without a version stands first in /docs.
    @router.post(
        "/models/{name}/versions/{version}/infer",
        summary="Ask a named version",
        responses=INFER_RESPONSES,
        openapi_extra=INFER_REQUEST,
        response_class=Response,
    )
    @router.post(
        "/models/{name}/infer",
        summary="Ask a model",
        responses=INFER_RESPONSES,
        openapi_extra=INFER_REQUEST,
        response_class=Response,
    )
    async def model_infer(request: Request, name: str, version: Optional[str] = None) -> Response:
        return await infer(service, request, name, version)


def _require_ready(service: Service, served: Optional[Served]) -> None:
    reason = service.unready(served)
    if reason is not None:
        raise Problem(503, "not_ready", reason, "Wait, or ask another host.", {"Retry-After": "1"})
