"""Every failure has an answer, whatever else is wrong with the request."""

from __future__ import annotations

import json

import pytest
from support.application import INSIDE, application, ask


@pytest.mark.parametrize("host", ["[", "a]b[", "x:y:z", "", "\x01"])
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "//[", 404),
        ("GET", "/predict", 405),
        ("POST", "/predict", INSIDE),
        ("GET", "/v2/models/colours", INSIDE),
    ],
)
def test_a_host_that_is_none_changes_no_answer(host: str, method: str, path: str, status: int) -> None:
    found, _, body = ask(application(), method, path, {"host": host})
    assert found == status
    error = json.loads(body)["error"]
    assert isinstance(error, str) if path.startswith("/v2") else error["message"]
