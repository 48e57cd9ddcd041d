"""What /openapi.json says is so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

import pytest
from support.application import application, ask

from hotpath.http.keys import KeyFile


def description(keys: Any = None, **sections: Dict[str, Any]) -> Dict[str, Any]:
    found: Dict[str, Any] = json.loads(ask(application(keys, (), **sections), "GET", "/openapi.json")[2])
    return found


@pytest.mark.parametrize("protect_metrics", [True, False])
def test_with_keys_the_scheme_stands_where_one_is_needed(tmp_path: Path, protect_metrics: bool) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(f'[camera]\nkey = "{"c" * 32}"\n')
    path.chmod(0o600)
    keys, auth = KeyFile(path), {"protect_metrics": protect_metrics}
    app, told = application(keys, auth=auth), description(keys, auth=auth)
    (scheme,) = told["components"]["securitySchemes"].items()
    assert scheme[1]["type"] == "http" and scheme[1]["scheme"] == "bearer"
    for name, operations in told["paths"].items():
        for method, operation in operations.items():
            status = ask(app, method.upper(), name.format(name="colours", version="v"))[0]
            closed = status == 401
            assert operation.get("security", []) == ([{scheme[0]: []}] if closed else []), name
            assert ({"401", "403"} <= set(operation["responses"])) == closed, name
    assert ("security" in told["paths"]["/metrics"]["get"]) == protect_metrics


def test_without_keys_none_is_told() -> None:
    told = description()
    assert "securitySchemes" not in told["components"]
    assert not [name for name in ('"security"', '"401"', '"403"') if name in json.dumps(told["paths"])]


def test_every_path_tells_the_errors_that_any_request_may_meet() -> None:
    told = description()
    for name, operations in told["paths"].items():
        form = "InferenceError" if name.startswith("/v2") else "ErrorAnswer"
        for operation in operations.values():
            for status in ("431", "500"):
                schema = operation["responses"][status]["content"]["application/json"]["schema"]
                assert schema["$ref"].endswith(f"/{form}"), name
    assert not [name for name in told["components"]["schemas"] if "Validation" in name]
    assert "422" not in told["paths"]["/v2/models/{name}"]["get"]["responses"]


@pytest.mark.parametrize("path", ["/predict", "/models/{name}/predict", "/v2/models/{name}/infer"])
def test_a_prediction_tells_its_headers(path: str) -> None:
    operation = description()["paths"][path]["post"]
    named = {item["name"]: item for item in operation["parameters"] if item["in"] == "header"}
    assert set(named) == {"X-Request-Deadline-Ms", "X-Request-Priority"}
    assert named["X-Request-Priority"]["schema"]["maximum"] == 9
    assert not any(item["required"] for item in named.values())
    answers = operation["responses"]
    assert set(answers["200"]["headers"]) == {"X-Request-Id", "Server-Timing"}
    assert set(answers["429"]["headers"]) == set(answers["503"]["headers"]) == {"X-Request-Id", "Retry-After"}
