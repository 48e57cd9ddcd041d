"""The page of the API at /docs, with everything that it loads, for hosts and browsers without internet."""

from __future__ import annotations

from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from hotpath.http.paths import way_to_root

_ASSETS = Path(fastapi_offline.__file__).parent / "static"
_SCRIPT, _STYLE, _ICON = "swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"


def add(app: FastAPI, root: str) -> None:
    """Add the page and its files to the application, which is reached below the prefix `root`."""

    async def page(request: Request) -> Response:
        way = way_to_root(request.scope, root)
        return get_swagger_ui_html(
            openapi_url=f"{way}openapi.json",
            title=app.title,
            swagger_js_url=f"{way}docs/{_SCRIPT}",
            swagger_css_url=f"{way}docs/{_STYLE}",
            swagger_favicon_url=f"{way}docs/{_ICON}",
        )

    app.add_route("/docs", page, include_in_schema=False)
    for name in (_SCRIPT, _STYLE, _ICON):
        _add_file(app, name)


def _add_file(app: FastAPI, name: str) -> None:
    async def file(_: Request) -> Response:
        return FileResponse(_ASSETS / name)

    app.add_route(f"/docs/{name}", file, include_in_schema=False)
