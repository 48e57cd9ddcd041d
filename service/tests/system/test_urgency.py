"""Deadlines and priorities over HTTP: what can't be in time is refused at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Dict, Iterator

import pytest
from conftest import MakeModel
from support import asking
from support.colours import picture
from support.server import Server, serving, until, write_config

pytestmark = pytest.mark.one_python


def test_a_request_that_could_not_be_in_time_is_429_before_it_runs(
    make_model: MakeModel, tmp_path: Path
) -> None:
    model = make_model(0.0, always=0.5)
    config = write_config(
        tmp_path / "hotpath.toml", model, batching={"max_batch": 1}, limits={"request_timeout_s": 100.0}
    )
    with serving(config) as server, ThreadPoolExecutor(6) as pool:
        patient = [pool.submit(server.predict, picture("red")) for _ in range(6)]
        until(lambda: server.metric('hotpath_engine_images_in_flight{engine="0/cpu"}') == 2)
        refused = server.predict(picture("red"), **{"x-request-deadline-ms": "600"})
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "busy"
        assert "within its 0.6 s" in refused.json()["error"]["message"]
        assert int(refused.headers["retry-after"]) >= 1
        assert server.metric('hotpath_shed_total{reason="late"}') == 1
        assert [answer.result().status_code for answer in patient] == [200] * 6
        until(lambda: server.metric('hotpath_engine_clear_at_seconds{engine="0/cpu"}') == 0)
        impossible = server.predict(picture("red"), **{"x-request-deadline-ms": "100"})
        assert impossible.status_code == 429, "half a second is what it takes alone"
        assert server.metric('hotpath_batch_size_count{engine="0/cpu"}') == 6


def test_the_urgent_overtake_those_that_wait(make_model: MakeModel, tmp_path: Path) -> None:
    model = make_model(0.0, always=0.2)
    config = write_config(
        tmp_path / "hotpath.toml", model, batching={"max_batch": 1}, limits={"request_timeout_s": 100.0}
    )
    with serving(config) as server, ThreadPoolExecutor(6) as pool:
        with server.paused_engine():
            usual = [pool.submit(server.predict, picture("red")) for _ in range(5)]
            until(lambda: server.metric("hotpath_decode_seconds_count") == 5)
            urgent = pool.submit(server.predict, picture("blue"), **{"x-request-priority": "1"})
            until(lambda: server.metric("hotpath_decode_seconds_count") == 6)
        order = list(as_completed([*usual, urgent]))
        assert {answer.result().status_code for answer in order} == {200}
        assert order.index(urgent) <= 3, "at most those that the device had already, and not the last of six"


@pytest.fixture(scope="module")
def server(fast_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(write_config(tmp_path_factory.mktemp("urgency") / "hotpath.toml", fast_model)) as running:
        yield running


@pytest.mark.parametrize("path", ["/predict", "/v2/models/colours/infer"])
@pytest.mark.parametrize(
    "headers",
    [{"x-request-deadline-ms": "tomorrow"}, {"x-request-priority": "10"}],
    ids=["deadline", "priority"],
)
def test_headers_that_say_nothing_are_400(server: Server, path: str, headers: Dict[str, str]) -> None:
    raw = {"content-type": "image/png", "inference-header-content-length": "0", **headers}
    response = asking.post(f"{server.url}{path}", content=picture("red"), headers=raw)
    assert response.status_code == 400
    (name,) = headers
    assert name in response.text.lower() and "whole number from 1 to" in response.text


def test_a_priority_of_the_protocol_is_understood(server: Server) -> None:
    url = f"{server.url}/v2/models/colours/infer"
    tensor = {"name": "image", "datatype": "UINT8", "shape": [1, 16, 16, 3], "data": [0] * (16 * 16 * 3)}
    answers = [
        asking.post(url, json={"inputs": [tensor], "parameters": {"priority": priority}})
        for priority in (0, 1, 9, 10)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 400]
    assert "parameters.priority" in answers[-1].json()["error"]
