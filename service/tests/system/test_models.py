"""Several models at once: each by its name, each in its own shape, on engines of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator

import httpx
import pytest
from support import asking
from support.colours import picture, write_source
from support.server import PATIENCE_S, Server, serving, until, write_config

from hotpath.building.build import build

pytestmark = pytest.mark.one_python


@pytest.fixture(scope="module")
def server(fast_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    room = tmp_path_factory.mktemp("models")
    large, _ = build(write_source(room / "source", name="large", size=64), room / "models")
    more = [{"name": "large", "path": large.directory, "backend": "numeric", "devices": ["cpu", "cpu"]}]
    with serving(write_config(room / "hotpath.toml", fast_model, more=more)) as running:
        yield running


def ask(server: Server, path: str, colour: str = "red") -> httpx.Response:
    headers = {"content-type": "image/png"}
    return asking.post(f"{server.url}{path}", content=picture(colour), headers=headers, timeout=PATIENCE_S)


def test_every_model_answers_by_its_name_and_the_first_one_without(server: Server) -> None:
    paths = ["/predict", "/predict?model=large", "/models/colours/predict", "/models/large/predict"]
    answers = [ask(server, path, "blue").json() for path in paths]
    assert [answer["model"]["name"] for answer in answers] == ["colours", "large", "colours", "large"]
    assert {answer["label"] for answer in answers} == {"blue"}


def test_an_unknown_model_is_refused_with_the_names_there_are(server: Server) -> None:
    answer = ask(server, "/models/small/predict")
    assert answer.status_code == 404
    assert answer.json()["error"]["remedy"] == "Ask for one of: colours, large."


def test_each_device_that_a_model_names_has_its_engine(server: Server) -> None:
    assert len(server.children("engine")) == 3
    for seat in range(3):
        assert server.metric(f'hotpath_engine_ready{{engine="{seat}/cpu"}}') == 1


def test_the_protocol_tells_each_models_own_shape(server: Server) -> None:
    for name, side in (("colours", 16), ("large", 64)):
        metadata = asking.get(f"{server.url}/v2/models/{name}").json()
        assert metadata["inputs"][0]["parameters"]["also_shape"] == [-1, side, side, 3]


def test_a_prediction_counts_as_one_whatever_its_model(server: Server) -> None:
    series = 'hotpath_requests_total{route="/predict",status="200"}'
    before = server.metric(series)
    ask(server, "/models/large/predict")
    until(lambda: server.metric(series) == before + 1)


def test_a_flood_of_one_model_leaves_the_other_its_places(slow_model: Path, tmp_path: Path) -> None:
    large, _ = build(write_source(tmp_path / "source", name="large", size=64), tmp_path / "models")
    more = [{"name": "large", "path": large.directory, "backend": "numeric", "places": 2}]
    limits = {"queue": 6, "request_timeout_s": 100.0}
    config = write_config(tmp_path / "hotpath.toml", slow_model, more=more, limits=limits)
    with serving(config) as running, ThreadPoolExecutor(8) as pool:
        running.find("ready: listening")
        flood = [pool.submit(ask, running, "/models/colours/predict", "black") for _ in range(8)]
        until(lambda: running.metric('hotpath_places_in_use{model="colours"}') == 4)
        assert ask(running, "/models/large/predict").status_code == 200
        assert sorted(answer.result().status_code for answer in flood) == [200] * 4 + [429] * 4
        until(lambda: running.metric("hotpath_slots_in_use") == 0)
        assert running.metric('hotpath_places_in_use{model="colours"}') == 0
