"""HEAD wherever GET, and what every path says of the methods that it takes."""

from __future__ import annotations

import json
from typing import List

import pytest
from starlette.types import ASGIApp
from support.application import INSIDE, application, ask
from support.connection import exchange, play


@pytest.fixture(scope="module")
def app() -> ASGIApp:
    return application()


def readable(app: ASGIApp) -> List[str]:
    """Every path that there is for GET."""
    described = json.loads(ask(app, "GET", "/openapi.json")[2])["paths"]
    paths = [
        path.format(name="colours", version="v") for path, methods in described.items() if "get" in methods
    ]
    assets = ["/page/page.js", "/page/icon.svg", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"]
    return [*paths, "/", "/docs", "/openapi.json", *assets]


def test_head_answers_as_get_without_the_body(app: ASGIApp) -> None:
    changing = ("x-request-id", "content-length")
    for path in [*readable(app), "/nowhere", "/predict", "/v2/nothing"]:
        wanted, headers, body = ask(app, "GET", path)
        status, found, nothing = ask(app, "HEAD", path)
        assert (status, nothing) == (wanted, b""), path
        assert body and int(found["content-length"]) > 0, path
        assert {key: value for key, value in found.items() if key not in changing} == {
            key: value for key, value in headers.items() if key not in changing
        }, path
        if wanted == 200 and path != "/metrics":  # which tells the time of this process
            assert found["content-length"] == headers["content-length"] == str(len(body)), path


def test_head_over_a_connection_leaves_it_for_the_next_request(app: ASGIApp) -> None:
    requests = (
        b"HEAD /livez HTTP/1.1\r\nHost: h\r\n\r\n" * 2
        + b"GET /readyz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    )
    told = play(exchange(app, [requests]))
    heads, last = told[: told.rindex(b"HTTP/1.1 ")], told[told.rindex(b"HTTP/1.1 ") :]
    assert heads.count(b"HTTP/1.1 200 OK") == 2 and heads.count(b"content-length: 55") == 2
    assert b"{" not in heads and last.endswith(b'{"status":"ready"}')


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/livez", "GET, HEAD, OPTIONS"),
        ("/metrics", "GET, HEAD, OPTIONS"),
        ("/", "GET, HEAD, OPTIONS"),
        ("/docs", "GET, HEAD, OPTIONS"),
        ("/docs/swagger-ui.css", "GET, HEAD, OPTIONS"),
        ("/openapi.json", "GET, HEAD, OPTIONS"),
        ("/v2", "GET, HEAD, OPTIONS"),
        ("/v2/models/colours", "GET, HEAD, OPTIONS"),
        ("/predict", "POST, OPTIONS"),
        ("/models/colours/predict", "POST, OPTIONS"),
        ("/v2/models/colours/infer", "POST, OPTIONS"),
        ("/v2/models/colours/versions/v/infer", "POST, OPTIONS"),
    ],
)
def test_a_path_tells_all_of_its_methods(app: ASGIApp, path: str, methods: str) -> None:
    status, headers, body = ask(app, "OPTIONS", path)
    assert (status, headers["allow"], body) == (204, methods, b"")
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "GET" if "POST" in methods else "POST"):
        status, headers, body = ask(app, method, path)
        assert (status, headers["allow"]) == (405, methods), method
        assert f"{path} does not take {method}." in body.decode()


def test_where_there_is_nothing_no_method_is_told(app: ASGIApp) -> None:
    status, headers, _ = ask(app, "OPTIONS", "/nowhere")
    assert status == 404 and "allow" not in headers


def test_a_prediction_is_not_what_options_asks_for(app: ASGIApp) -> None:
    assert ask(app, "POST", "/predict")[0] == INSIDE
    assert ask(app, "OPTIONS", "/predict", {"origin": "https://example.org"})[0] == 204


def test_options_may_be_asked_of_the_service_as_a_whole(app: ASGIApp) -> None:
    status, headers, _ = ask(app, "OPTIONS", "*")
    assert (status, headers["allow"]) == (204, "GET, POST, HEAD, OPTIONS")
    assert ask(app, "GET", "*")[0] == 404
