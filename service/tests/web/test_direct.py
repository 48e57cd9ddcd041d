"""Predictions pass the framework by; everything else goes to it as it came."""

from __future__ import annotations

import asyncio
from typing import Any, Dict, List, Optional

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from hotpath.http.direct import Direct, Respond
from hotpath.http.quick import QuickHeaders


def way_of(method: str, path: str, query: bytes = b"") -> Optional[str]:
    """Who answers, and with which model; None for the framework."""
    said: List[Optional[str]] = []

    def saying(who: str) -> Respond:
        async def respond(request: Request, name: str) -> Response:
            said.append(f"{who}: {name}")
            return Response(b"x")

        return respond

    async def framework(scope: Scope, receive: Receive, send: Send) -> None:
        said.append(None)

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    async def send(message: Message) -> None:
        pass

    named = {("/models/", "/predict"): saying("named"), ("/v2/models/", "/infer"): saying("v2")}
    scope: Dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": [],
    }
    asyncio.run(Direct(framework, lambda: "first", saying("predict"), named)(scope, receive, send))
    (found,) = said
    return found


@pytest.mark.parametrize(
    ("path", "way"),
    [
        ("/predict", "predict: first"),
        ("/models/some model/predict", "named: some model"),
        ("/v2/models/m/infer", "v2: m"),
        ("/v2/models/m/versions/1/infer", None),
        ("/models//predict", None),
        ("/models/predict", None),
        ("/v2/models/infer", None),
        ("/models/a/b/predict", None),
        ("/v2/models/m/predict", None),
        ("/predict/x", None),
    ],
)
def test_a_path_is_answered_by_whom_it_names(path: str, way: Optional[str]) -> None:
    assert way_of("POST", path) == way


@pytest.mark.parametrize("path", ["/predict", "/models/m/predict", "/v2/models/m/infer"])
def test_a_query_and_another_method_are_the_frameworks(path: str) -> None:
    assert way_of("POST", path, b"then=other") is None
    assert way_of("GET", path) is None


def test_headers_are_found_whatever_their_case_and_the_first_of_several() -> None:
    headers = QuickHeaders([(b"a-name", b"1"), (b"other", b"\xe9"), (b"a-name", b"2")])
    assert headers["A-Name"] == headers.get("a-name") == "1"
    assert headers.getlist("a-name") == ["1", "2"]
    assert headers.get("OTHER") == "\xe9"
    assert "other" in headers and "none" not in headers
    assert headers.get("none") is None and headers.get("none", "x") == "x"
    with pytest.raises(KeyError):
        headers["none"]
