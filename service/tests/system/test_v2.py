"""The Open Inference Protocol, by Triton's own client as it is published and by hand."""

from __future__ import annotations

import base64
import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Tuple

import httpx
import numpy
import pytest
import tritonclient.http as triton
from support import asking
from support.colours import COLOURS, picture
from support.server import PATIENCE_S, Server, serving, until, write_config
from support.tritons import SIDE, images, labels_of, pixels
from tritonclient.utils import InferenceServerException

HEADER = "Inference-Header-Content-Length"


@pytest.fixture(scope="module")
def server(fast_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = tmp_path_factory.mktemp("v2") / "hotpath.toml"
    limits = {"body_bytes": 1_000_000, "request_timeout_s": 100.0}
    with serving(write_config(path, fast_model, limits=limits, batching={"max_batch": 4})) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[triton.InferenceServerClient]:
    client = connect(server)
    yield client
    client.close()


@pytest.fixture(autouse=True)
def nothing_is_left_behind(server: Server) -> Iterator[None]:
    yield
    until(lambda: server.metric("hotpath_slots_in_use") == 0)


def connect(server: Server) -> Any:
    return triton.InferenceServerClient(server.url.replace("http://", ""), network_timeout=PATIENCE_S)


def document(**changes: Any) -> Dict[str, Any]:
    data = [base64.b64encode(picture("red")).decode()]
    return {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": data}], **changes}


def infer(server: Server, content: bytes, headers: Optional[Dict[str, str]] = None) -> httpx.Response:
    url = f"{server.url}/v2/models/colours/infer"
    return asking.post(url, content=content, headers=headers or {}, timeout=PATIENCE_S)


def test_the_client_finds_server_and_model_live_and_ready(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert "statistics" in client.get_server_metadata()["extensions"]
    metadata = client.get_model_metadata("colours")
    (version,) = metadata["versions"]
    assert client.is_model_ready("colours") and client.is_model_ready("colours", version)
    assert not client.is_model_ready("shapes") and not client.is_model_ready("colours", "1")
    assert client.get_model_metadata("colours", version) == metadata
    assert [item["name"] for item in metadata["inputs"]] == ["image"]
    assert {item["name"]: (item["datatype"], item["shape"]) for item in metadata["outputs"]} == {
        "classes": ("INT64", [-1, 5]),
        "scores": ("FP32", [-1, 5]),
        "labels": ("BYTES", [-1, 5]),
    }


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
def test_encoded_images_are_answered_in_order(client: Any, compression: Optional[str]) -> None:
    colours = ["blue", "red", "green"]
    result = client.infer(
        "colours", [images(triton, *colours)], request_id="x-1", request_compression_algorithm=compression
    )
    assert labels_of(result) == colours
    classes, scores = result.as_numpy("classes"), result.as_numpy("scores")
    assert (classes.dtype, classes.shape) == (numpy.int64, (3, 5))
    assert (scores.dtype, scores.shape) == (numpy.float32, (3, 5))
    assert [list(COLOURS)[index] for index in classes[:, 0]] == colours
    assert numpy.all(numpy.diff(scores, axis=1) <= 0)
    assert result.get_response()["id"] == "x-1"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_images_of_every_format_are_told_apart_by_their_content(client: Any, kind: str) -> None:
    tensor = triton.InferInput("image", [1, 1], "BYTES")
    element = picture("blue", kind, size=(500, 375))
    tensor.set_data_from_numpy(numpy.array([[element]], dtype=numpy.object_), binary_data=True)
    # Answers are not compressed, and a client that asks for it reads them all the same.
    result = client.infer("colours", [tensor], response_compression_algorithm="gzip")
    assert labels_of(result) == ["blue"]


def test_tritons_tools_find_the_configuration(client: Any) -> None:
    metadata, config = client.get_model_metadata("colours"), client.get_model_config("colours")
    assert client.get_model_config("colours", metadata["versions"][0]) == config
    assert (config["name"], config["platform"]) == ("colours", metadata["platform"])
    assert (config["backend"], config["max_batch_size"]) == ("numeric", 4)
    assert [(item["name"], item["data_type"], item["dims"]) for item in config["input"]] == [
        ("image", "TYPE_STRING", [1])
    ]
    assert {item["name"]: (item["data_type"], item["dims"]) for item in config["output"]} == {
        "classes": ("TYPE_INT64", [5]),
        "scores": ("TYPE_FP32", [5]),
        "labels": ("TYPE_STRING", [5]),
    }
    assert config["instance_group"] == [{"name": "colours_cpu", "kind": "KIND_CPU", "count": 1, "gpus": []}]
    assert config["dynamic_batching"]["priority_levels"] == 9
    assert config["parameters"]["precision"] == {"string_value": metadata["parameters"]["precision"]}


def test_tritons_tools_find_what_a_model_has_done(server: Server, client: Any) -> None:
    before = client.get_inference_statistics("colours")["model_stats"][0]
    started = time.time()
    client.infer("colours", [images(triton, "red", "blue", "green")])
    server.predict(picture("red"))
    after = client.get_inference_statistics("colours")["model_stats"][0]
    assert (after["name"], after["version"]) == (
        "colours",
        client.get_model_metadata("colours")["versions"][0],
    )
    assert after["inference_count"] - before["inference_count"] == 4
    assert 2 <= after["execution_count"] - before["execution_count"] <= 4
    assert started - 1 <= after["last_inference"] / 1000 <= time.time() + 1
    stats = after["inference_stats"]
    parts = [stats[name]["ns"] for name in ("queue", "compute_input", "compute_infer", "compute_output")]
    assert all(part >= 0 for part in parts) and abs(sum(parts) - stats["success"]["ns"]) < 10
    assert stats["success"]["ns"] > before["inference_stats"]["success"]["ns"]
    counts = {stats[name]["count"] for name in ("success", "queue", "compute_infer")}
    assert counts == {after["inference_count"]}
    assert stats["fail"]["count"] == before["inference_stats"]["fail"]["count"]
    every = client.get_inference_statistics()["model_stats"]
    assert [item["name"] for item in every] == ["colours"]
    named = client.get_inference_statistics("colours", after["version"])["model_stats"]
    assert [item["version"] for item in named] == [after["version"]]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"ready": true}', b'{"ready": false}'])
def test_tritons_tools_find_the_models(server: Server, client: Any, body: bytes) -> None:
    (version,) = client.get_model_metadata("colours")["versions"]
    wanted = [{"name": "colours", "version": version, "state": "READY", "reason": ""}]
    assert client.get_model_repository_index() == wanted
    assert asking.post(f"{server.url}/v2/repository/index", content=body).json() == wanted


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 4000, b" " * 5000])
def test_an_index_that_is_asked_for_in_other_ways_is_refused(server: Server, body: bytes) -> None:
    answer = asking.post(f"{server.url}/v2/repository/index", content=body)
    assert answer.status_code == 400 and "ready" in answer.json()["error"]


def test_what_is_asked_of_unknown_models_is_404(client: Any) -> None:
    for ask in (client.get_model_config, client.get_inference_statistics):
        for model, version in (("shapes", ""), ("colours", "7")):
            with pytest.raises(InferenceServerException) as refused:
                ask(model, version)
            assert refused.value.status() == "404" and "There is no" in refused.value.message()


def test_what_triton_lets_clients_change_is_refused_in_words(client: Any) -> None:
    for ask, words in (
        (lambda: client.load_model("colours"), "not loaded or unloaded by clients"),
        (lambda: client.unload_model("colours"), "not loaded or unloaded by clients"),
        (client.get_system_shared_memory_status, "Shared memory is not supported"),
        (lambda: client.register_system_shared_memory("r", "/r", 8), "Shared memory is not supported"),
        (client.unregister_cuda_shared_memory, "Shared memory is not supported"),
        (client.get_trace_settings, "Traces are not set by clients"),
        (lambda: client.update_trace_settings("colours", {}), "Traces are not set by clients"),
        (client.get_log_settings, "The log is not set by clients"),
        (lambda: client.update_log_settings({}), "The log is not set by clients"),
    ):
        with pytest.raises(InferenceServerException) as refused:
            ask()
        assert refused.value.status() == "400" and words in refused.value.message()


@pytest.mark.parametrize("binary", [True, False])
def test_pixels_are_taken_as_they_are(client: Any, binary: bool) -> None:
    colours = ["grey", "white", "red", "blue"]
    tensor = triton.InferInput("image", [4, SIDE, SIDE, 3], "UINT8")
    tensor.set_data_from_numpy(pixels(*colours), binary_data=binary)
    outputs = [
        triton.InferRequestedOutput("labels", binary_data=binary),
        triton.InferRequestedOutput("scores", binary_data=not binary),
    ]
    result = client.infer("colours", [tensor], outputs=outputs, priority=1, timeout=90_000_000)
    found = labels_of(result) if binary else result.as_numpy("labels")[:, 0].tolist()
    assert found == colours
    assert [item["name"] for item in result.get_response()["outputs"]] == ["labels", "scores"]
    assert result.as_numpy("classes") is None


def test_the_answers_are_those_of_predict(server: Server, client: Any) -> None:
    version = client.get_model_metadata("colours")["versions"][0]
    result = client.infer("colours", [images(triton, "green")], model_version=version)
    top = server.predict(picture("green")).json()["top_k"]
    assert result.as_numpy("classes")[0].tolist() == [item["class"] for item in top]
    assert result.as_numpy("scores")[0] == pytest.approx([item["score"] for item in top], abs=1e-6)
    assert [label.decode() for label in result.as_numpy("labels")[0]] == [item["label"] for item in top]


def test_the_images_of_a_request_share_batches_with_those_of_others(server: Server, client: Any) -> None:
    with ThreadPoolExecutor(3) as pool:
        before = server.metric('hotpath_batch_size_count{engine="0/cpu"}')
        with server.paused_engine():
            decoded = server.metric("hotpath_decode_seconds_count")
            # One at a time, so that it is known which of them the engine finds first.
            first = pool.submit(server.predict, picture("red"))
            until(lambda: server.metric("hotpath_decode_seconds_count") == decoded + 1)
            second = pool.submit(
                lambda: connect(server).infer("colours", [images(triton, "blue", "green", "red")])
            )
            until(lambda: server.metric("hotpath_decode_seconds_count") == decoded + 4)
            third = pool.submit(server.predict, picture("blue"))
            until(lambda: server.metric("hotpath_decode_seconds_count") == decoded + 5)
        assert labels_of(second.result()) == ["blue", "green", "red"]
        assert first.result().json()["label"] == "red" and third.result().json()["label"] == "blue"
    # Five images in batches of four: had a request's images stayed by themselves, there were three batches.
    assert server.metric('hotpath_batch_size_count{engine="0/cpu"}') - before == 2


def test_one_bad_element_fails_its_request_by_name_and_no_other(server: Server, client: Any) -> None:
    bad = triton.InferInput("image", [3], "BYTES")
    elements = [picture("red"), picture("red")[:-20], picture("red")]
    bad.set_data_from_numpy(numpy.array(elements, dtype=numpy.object_))

    def ask(bad_one: bool) -> str:
        try:
            return labels_of(connect(server).infer("colours", [bad if bad_one else images(triton, "blue")]))[
                0
            ]
        except InferenceServerException as error:
            return f"{error.status()} {error.message()}"

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, [True, False] * 8))
    assert set(answers[1::2]) == {"blue"}
    (told,) = set(answers[::2])
    assert told.startswith("422 The element 1 of the input 'image' can't be used: ")
    assert "Way out: " in told


def test_an_image_alone_is_a_request(server: Server) -> None:
    response = infer(server, picture("green"), {HEADER: "0"})
    assert response.status_code == 200
    header, binary = split(response)
    assert [item["shape"] for item in header["outputs"]] == [[1, 5]] * 3
    assert b"green" in binary


def test_json_alone_is_answered_in_json(server: Server) -> None:
    response = infer(server, json.dumps(document(id="é\ud800")).encode())
    assert response.headers["content-type"] == "application/json"
    answer = response.json()
    assert answer["id"] == "é\ud800", "JSON can hold what no text should"
    assert answer["model_name"] == "colours" and len(answer["model_version"]) == 12
    assert [item["name"] for item in answer["outputs"]] == ["classes", "scores", "labels"]
    assert answer["outputs"][2]["data"][0] == "red"


def split(response: httpx.Response) -> Tuple[Dict[str, Any], bytes]:
    length = int(response.headers[HEADER])
    return json.loads(response.content[:length]), response.content[length:]


@pytest.mark.parametrize(
    ("content", "headers", "status", "words"),
    [
        (b"{", {}, 400, "JSON part can't be read"),
        (b"hello", {HEADER: "0"}, 415, "The element 0 of the input 'image'"),
        (b"{}", {HEADER: "3"}, 400, HEADER),
        (b"x", {"content-encoding": "gzip"}, 400, "gzip stream"),
        (gzip.compress(b"\0" * 50_000_000), {"content-encoding": "gzip"}, 413, "larger than 1000000 bytes"),
        (b"\0" * 1_000_001, {}, 413, "larger than 1000000 bytes"),
        (json.dumps(document(parameters={"timeout": 1})).encode(), {}, 504, "within 1e-06 s"),
    ],
)
def test_what_is_refused_is_told_in_the_protocols_form(
    server: Server, content: bytes, headers: Dict[str, str], status: int, words: str
) -> None:
    response = infer(server, content, headers)
    assert response.status_code == status
    assert words in response.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/nothing", 404),
        ("GET", "/v2/models/shapes", 404),
        ("POST", "/v2/models/shapes/infer", 404),
        ("POST", "/v2/models/colours/versions/7/infer", 404),
        ("GET", "/v2/models/colours/infer", 405),
    ],
)
def test_wrong_paths_and_methods_are_told_in_the_protocols_form(
    server: Server, method: str, path: str, status: int
) -> None:
    response = asking.request(method, f"{server.url}{path}")
    assert response.status_code == status
    assert isinstance(response.json()["error"], str)


def test_too_many_images_for_the_free_places_are_429_and_take_none(fast_model: Path, tmp_path: Path) -> None:
    limits = {"queue": 3, "request_timeout_s": 100.0}
    config = write_config(tmp_path / "hotpath.toml", fast_model, limits=limits, batching={"max_batch": 4})
    with serving(config) as server, ThreadPoolExecutor(1) as pool:
        with pytest.raises(InferenceServerException, match="may hold 1 to 3"):
            connect(server).infer("colours", [images(triton, "red", "red", "red", "red")])
        with server.paused_engine():
            held = pool.submit(server.predict, picture("red"))
            until(lambda: server.metric("hotpath_slots_in_use") == 1)
            with pytest.raises(InferenceServerException) as refused:
                connect(server).infer("colours", [images(triton, "red", "green", "blue")])
            assert refused.value.status() == "429"
            assert server.metric("hotpath_slots_in_use") == 1
        assert held.result().status_code == 200
        assert labels_of(connect(server).infer("colours", [images(triton, "red", "green", "blue")])) == [
            "red",
            "green",
            "blue",
        ]


def test_one_worker_may_use_every_place(fast_model: Path, tmp_path: Path) -> None:
    """Of two workers, the one that this request meets needs all four places at once."""
    config = write_config(tmp_path / "hotpath.toml", fast_model, limits={"queue": 4}, server={"workers": 2})
    with serving(config) as server:
        found = labels_of(connect(server).infer("colours", [images(triton, "red", "green", "blue", "white")]))
        assert found == ["red", "green", "blue", "white"]
        until(lambda: server.metric("hotpath_slots_in_use") == 0)


def test_requests_are_counted_under_fixed_routes(server: Server, client: Any) -> None:
    infers = 'hotpath_requests_total{route="/v2/infer",status="200"}'
    others = 'hotpath_requests_total{route="/v2",status="200"}'
    before = server.metric(infers), server.metric(others)
    client.infer("colours", [images(triton, "red")])
    client.get_model_metadata("colours")
    assert (server.metric(infers), server.metric(others)) == (before[0] + 1, before[1] + 1)


def test_the_description_stands_by_itself(server: Server) -> None:
    description = asking.get(f"{server.url}/openapi.json").json()
    post = description["paths"]["/v2/models/{name}/infer"]["post"]
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["inputs"]["items"]["properties"]["datatype"]["type"] == "string"
    assert "$ref" not in json.dumps(schema)
    assert post["responses"]["400"]["content"]["application/json"]["schema"]["$ref"].endswith(
        "InferenceError"
    )
    # Found by cases that were made from the description: it did not tell of these.
    for path in (
        "/v2/models/{name}",
        "/v2/models/{name}/ready",
        "/v2/models/{name}/versions/{version}/ready",
    ):
        told = description["paths"][path]["get"]["responses"]
        assert "404" in told
        assert told["404"]["content"]["application/json"]["schema"]["$ref"].endswith("InferenceError")
    assert "503" in description["paths"]["/readyz"]["get"]["responses"]
    assert "text/plain" in description["paths"]["/metrics"]["get"]["responses"]["200"]["content"]
