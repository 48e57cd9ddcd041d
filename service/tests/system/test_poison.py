"""Images that the model can't bear, among images of others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import List

import pytest
from conftest import MakeModel
from support import asking
from support.colours import picture
from support.server import Server, serving, until, write_config

pytestmark = pytest.mark.one_python

COMPANY = ["red", "green", "blue", "grey", "red", "green", "blue"]


FAULTS = {"raises": 1, "kills": 2, "overflows": 3}


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_only_the_poison_fails_and_the_engine_serves_on(
    make_model: MakeModel, tmp_path: Path, fault: str
) -> None:
    model = make_model(0.0, faults={"white": FAULTS[fault]})
    config = write_config(tmp_path / "hotpath.toml", model, limits={"request_timeout_s": 100.0})
    with serving(config) as server, ThreadPoolExecutor(8) as pool:
        with server.paused_engine():
            answers = [pool.submit(server.predict, picture(colour)) for colour in [*COMPANY, "white"]]
            until(lambda: server.metric("hotpath_decode_seconds_count") == 8)
        *innocent, poison = [answer.result() for answer in answers]
        assert [(r.status_code, r.json().get("label")) for r in innocent] == [(200, c) for c in COMPANY]
        assert poison.status_code == 500
        assert poison.json()["error"]["code"] == "inference_failed"
        assert server.metric('hotpath_shed_total{reason="inference_failed"}') == 1
        until(lambda: asking.get(f"{server.url}/readyz").status_code == 200)
        deaths = server.metric('hotpath_restarts_total{role="engine"}')
        assert 3 <= deaths <= 4 if fault == "kills" else deaths == 0
        assert _labels(server, COMPANY) == COMPANY
        until(lambda: server.metric("hotpath_slots_in_use") == 0)


def _labels(server: Server, colours: List[str]) -> List[str]:
    return [server.predict(picture(colour)).json()["label"] for colour in colours]
