"""Pages of other origins: who is let in, and what they may read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Tuple

import pytest
from support.application import INSIDE, application, ask

from hotpath.http.keys import KeyFile

APP, OTHER = "https://app.example", "https://other.example"
KEY = "c" * 32


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    path = tmp_path / "keys.toml"
    path.write_text(f'[camera]\nkey = "{KEY}"\n')
    path.chmod(0o600)
    return KeyFile(path)


def preflight(
    app: Any, origin: str, method: str = "POST", path: str = "/predict"
) -> Tuple[int, Dict[str, str]]:
    asked = {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": "authorization,content-type,x-request-deadline-ms,traceparent",
    }
    return ask(app, "OPTIONS", path, asked)[:2]


@pytest.mark.parametrize(
    "path", ["/predict", "/v2/models/colours/infer", "/models/colours/predict", "/metrics"]
)
def test_a_preflight_needs_no_key(keys: KeyFile, path: str) -> None:
    app = application(
        keys, auth={"protect_metrics": True}, server={"cors_origins": [APP, "http://localhost:3000"]}
    )
    status, headers = preflight(app, APP, path=path)
    assert status == 200
    assert headers["access-control-allow-origin"] == APP and "Origin" in headers["vary"]
    assert headers["access-control-allow-methods"] == "GET, HEAD, POST"
    assert "authorization" in headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in headers


@pytest.mark.parametrize(
    ("origin", "method"), [(OTHER, "POST"), ("null", "POST"), (f"{APP}.evil", "POST"), (APP, "PUT")]
)
def test_a_preflight_of_others_is_refused_in_words(keys: KeyFile, origin: str, method: str) -> None:
    app = application(keys, server={"cors_origins": [APP]})
    status, headers = preflight(app, origin, method)
    assert status == 400 and "access-control-allow-origin" not in headers and "Origin" in headers["vary"]
    asked = {"origin": origin, "access-control-request-method": method}
    assert b'"cors_refused"' in ask(app, "OPTIONS", "/predict", asked)[2]


def test_answers_and_refusals_can_be_read(keys: KeyFile) -> None:
    app = application(keys, server={"cors_origins": [APP]})
    for key, status in ((KEY, INSIDE), ("wrong", 401)):
        found, headers, _ = ask(app, "POST", "/predict", {"origin": APP, "authorization": f"Bearer {key}"})
        assert found == status
        assert headers["access-control-allow-origin"] == APP
        readable = headers["access-control-expose-headers"].split(", ")
        assert {"X-Request-Id", "Server-Timing", "Retry-After"} <= set(readable)
    found, headers, _ = ask(app, "POST", "/predict", {"origin": OTHER, "authorization": f"Bearer {KEY}"})
    assert found == INSIDE and "access-control-allow-origin" not in headers


def test_all_may_be_let_in_and_never_with_credentials() -> None:
    app = application(server={"cors_origins": ["*"]})
    assert preflight(app, OTHER)[1]["access-control-allow-origin"] == "*"
    headers = ask(app, "GET", "/livez", {"origin": OTHER, "cookie": "a=b"})[1]
    assert headers["access-control-allow-origin"] in ("*", OTHER)
    assert "access-control-allow-credentials" not in headers


def test_by_default_nobody_is_let_in() -> None:
    status, headers = preflight(application(), APP)
    assert (status, headers["allow"]) == (204, "POST, OPTIONS")
    assert not [name for name in headers if name.startswith("access-control")]
