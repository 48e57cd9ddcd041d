"""What needs a key, whatever the path that leads there looks like."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import List, Tuple

import pytest
from starlette.types import ASGIApp
from support.application import INSIDE, application, ask

from hotpath.http.keys import KeyFile

KEY = "c" * 32
OPEN = ["/", "/livez", "/readyz", "/docs", "/openapi.json", "/page/page.js", "/v2", "/v2/health/live"]


@pytest.fixture
def app(tmp_path: Path) -> ASGIApp:
    path = tmp_path / "keys.toml"
    path.write_text(f'[camera]\nkey = "{KEY}"\n')
    path.chmod(0o600)
    return application(KeyFile(path), auth={"protect_metrics": True})


def routes(app: ASGIApp) -> List[Tuple[str, str]]:
    """Method and path of everything that the service describes."""
    paths = json.loads(ask(app, "GET", "/openapi.json")[2])["paths"]
    return [
        (method.upper(), path.format(name="colours", version="v"))
        for path, methods in paths.items()
        for method in methods
    ]


def test_what_is_not_open_is_closed(app: ASGIApp) -> None:
    assert len(routes(app)) >= 14
    for method, path in [*routes(app), ("GET", "/nowhere"), ("GET", "/metrics/"), ("GET", "/v2x")]:
        status, _, _ = ask(app, method, path)
        assert status == (200 if path in OPEN or path.startswith("/v2/health/") else 401), path
    for path in OPEN:
        assert ask(app, "GET", path)[0] == 200, path


@pytest.mark.parametrize("page", ["/", "/docs"])
def test_what_an_open_page_loads_is_open(app: ASGIApp, page: str) -> None:
    text = ask(app, "GET", page)[2].decode()
    loaded = re.findall(r'(?:href|src)="(?:\./)?((?:page|docs)/[^"]+)"', text)
    assert loaded
    for path in loaded:
        assert ask(app, "GET", f"/{path}")[0] == 200, path


@pytest.mark.parametrize("end", ["\n", "\r", "\x00", "\x7f", "\u2028"])
@pytest.mark.parametrize("headers", [{}, {"authorization": f"Bearer {KEY}"}])
def test_a_control_character_opens_nothing(app: ASGIApp, end: str, headers: dict[str, str]) -> None:
    for method, path in routes(app):
        for odd in (path + end, path.replace("/", f"/{end}", 1)):
            assert ask(app, method, odd, headers)[0] == 404, repr(odd)


def test_a_key_opens_what_it_allows(app: ASGIApp) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    assert ask(app, "POST", "/predict", headers)[0] == INSIDE
    assert ask(app, "GET", "/v2/models/colours", headers)[0] == INSIDE
    assert ask(app, "GET", "/metrics", headers)[0] == 403
    assert ask(app, "GET", "/nowhere", headers)[0] == 404
