"""A running service answers: predictions, batches, operations."""

from __future__ import annotations

import gzip
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Iterator

import httpx
import pytest
from support import asking
from support.colours import picture
from support.server import Server, serving, until, write_config


@pytest.fixture(scope="module")
def server(fast_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = write_config(
        tmp_path_factory.mktemp("serving") / "hotpath.toml", fast_model, server={"workers": 2}
    )
    with serving(config) as running:
        yield running


@pytest.mark.parametrize("colour", ["red", "green", "blue"])
def test_a_raw_body_and_a_form_get_the_same_full_answer(server: Server, colour: str) -> None:
    image = picture(colour)
    form = asking.post(f"{server.url}/predict", files={"file": ("x.png", image, "image/png")})
    for response in (server.predict(image), form):
        assert response.status_code == 200, response.text
        answer = response.json()
        assert answer["label"] == colour
        assert answer["top_k"][0] == {
            "class": answer["pred_class"],
            "label": colour,
            "score": answer["score"],
        }
        assert len(answer["top_k"]) == 5
        assert answer["model"]["name"] == "colours" and len(answer["model"]["version"]) == 12
        assert set(answer["timings_ms"]) == {"decode", "queue", "compute", "total"}
        assert "compute;dur=" in response.headers["server-timing"]
        assert "server" not in response.headers


def test_a_lone_request_is_a_batch_of_its_own(server: Server) -> None:
    assert [server.predict(picture("red")).json()["batch_size"] for _ in range(3)] == [1, 1, 1]


def test_the_field_is_found_among_others(server: Server) -> None:
    files = {"note": ("note.txt", b"hello", "text/plain"), "file": ("x.png", picture("blue"), "image/png")}
    assert asking.post(f"{server.url}/predict", files=files).json()["label"] == "blue"


@pytest.mark.parametrize("form", [False, True])
@pytest.mark.parametrize(("coding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_compressed_body_is_answered_as_the_same_without(
    server: Server, coding: str, compress: Callable[[bytes], bytes], form: bool
) -> None:
    plain = httpx.Request("POST", server.url, files={"file": picture("blue")}) if form else None
    kind = plain.headers["content-type"] if plain is not None else "image/png"
    body = compress(plain.read() if plain is not None else picture("blue"))
    headers = {"content-type": kind, "content-encoding": coding}
    assert asking.post(f"{server.url}/predict", content=body, headers=headers).json()["label"] == "blue"


def test_a_named_model_is_taken_and_an_unknown_one_is_not(server: Server) -> None:
    url, image = (
        f"{server.url}/predict",
        {"content": picture("red"), "headers": {"content-type": "image/png"}},
    )
    assert asking.post(f"{url}?model=colours", **image).status_code == 200  # type: ignore[arg-type]
    response = asking.post(f"{url}?model=shapes", **image)  # type: ignore[arg-type]
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "unknown_model"
    assert "colours" in response.json()["error"]["remedy"]


def test_health_and_documentation_need_nothing_from_elsewhere(server: Server) -> None:
    assert asking.get(f"{server.url}/livez").json()["status"] == "live"
    assert asking.get(f"{server.url}/readyz").json() == {"status": "ready"}
    page = asking.get(f"{server.url}/docs").text
    assert "//cdn" not in page and "https://" not in page
    assert asking.get(f"{server.url}/docs/swagger-ui-bundle.js").status_code == 200


def test_the_description_names_both_bodies_answers_and_errors(server: Server) -> None:
    predict = asking.get(f"{server.url}/openapi.json").json()["paths"]["/predict"]["post"]
    assert {"multipart/form-data", "image/jpeg", "image/png"} <= set(predict["requestBody"]["content"])
    assert {"200", "400", "413", "415", "422", "429", "503", "504"} <= set(predict["responses"])
    assert "Prediction" in str(predict["responses"]["200"])
    assert "ErrorAnswer" in str(predict["responses"]["429"])


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nothing", 404, "not_found"), ("GET", "/predict", 405, "method_not_allowed")],
)
def test_wrong_paths_and_methods_answer_in_the_one_form(
    server: Server, method: str, path: str, status: int, code: str
) -> None:
    response = asking.request(method, f"{server.url}{path}")
    assert response.status_code == status
    error = response.json()["error"]
    assert error["code"] == code and path in error["message"] and error["remedy"]


def test_metrics_sum_all_processes(server: Server) -> None:
    series = 'hotpath_requests_total{route="/predict",status="200"}'
    before = server.metric(series)
    with ThreadPoolExecutor(8) as pool:
        assert all(
            r.status_code == 200 for r in pool.map(lambda _: server.predict(picture("red")), range(24))
        )
    assert server.metric(series) == before + 24
    assert server.metric('hotpath_engine_ready{engine="0/cpu"}') == 1
    assert server.metric("hotpath_workers_ready") == 2
    assert server.metric('hotpath_batch_size_sum{engine="0/cpu"}') == server.metric(
        "hotpath_decode_seconds_count"
    )
    until(lambda: server.metric("hotpath_slots_in_use") == 0)


def test_requests_that_meet_in_the_queue_share_batches(fast_model: Path, tmp_path: Path) -> None:
    config = write_config(
        tmp_path / "hotpath.toml", fast_model, batching={"max_batch": 4}, limits={"request_timeout_s": 100.0}
    )
    with serving(config) as server, ThreadPoolExecutor(9) as pool:
        with server.paused_engine():
            answers = [pool.submit(server.predict, picture("red")) for _ in range(9)]
            until(lambda: server.metric("hotpath_decode_seconds_count") == 9)
            server.metric("hotpath_slots_in_use")  # once it is answered, all are on their way
        assert sorted(answer.result().json()["batch_size"] for answer in answers) == [
            1,
            4,
            4,
            4,
            4,
            4,
            4,
            4,
            4,
        ]
