"""Models of several tasks in one service: pictures, tensors, and a user's own."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Iterator

import httpx
import numpy
import pytest
import tritonclient.http as triton
from support import asking, colours
from support.colours import picture
from support.numbers import body, letters, tensor, write_source
from support.server import PATIENCE_S, Server, serving, until, write_config
from tritonclient.utils import InferenceServerException

from hotpath.building.build import build

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server(fast_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("tensors")
    sums = build(write_source(directory / "sums"), directory / "models")[0].directory
    own = build(letters(directory / "letters"), directory / "models")[0].directory
    more = [
        {"name": "sums", "path": sums, "backend": "numeric"},
        {"name": "letters", "path": own, "backend": "numeric"},
    ]
    limits = {"request_timeout_s": 100.0}
    with serving(write_config(directory / "hotpath.toml", fast_model, more=more, limits=limits)) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_is_left_behind(server: Server) -> Iterator[None]:
    yield
    until(lambda: server.metric("hotpath_slots_in_use") == 0)


def ask(server: Server, model: str, content: bytes, kind: str) -> httpx.Response:
    return asking.post(
        f"{server.url}/models/{model}/predict", content=content, headers={"Content-Type": kind}
    )


def test_each_model_answers_as_its_task_does(server: Server) -> None:
    found = ask(server, "sums", body(a=[1, 2], b=[0, 3]), "application/json").json()
    assert found["outputs"] == {"sum": [2.0, 10.0], "above": [True, False]}
    assert found["model"]["name"] == "sums"
    assert ask(server, "letters", b"Banana", "text/plain").json()["letter"] == "a"
    assert server.predict(picture("red")).json()["label"] == "red"


def test_what_is_sent_to_the_wrong_model_is_told_what_it_takes(server: Server) -> None:
    found = ask(server, "letters", picture("red"), "image/png")
    assert found.status_code == 415
    assert found.json()["error"]["remedy"] == "Send text, as text/plain."
    found = ask(server, "letters", "ü".encode(), "text/plain")
    assert (found.status_code, found.json()["error"]["code"]) == (400, "not_ascii")
    assert ask(server, "sums", b"{}", "application/json").status_code == 400


def inputs(binary: bool = True, **tensors: Any) -> Any:
    found = []
    for name, values in tensors.items():
        array = numpy.array(values, "float32")
        tensor = triton.InferInput(name, list(array.shape), "FP32")
        tensor.set_data_from_numpy(array, binary)
        found.append(tensor)
    return found


@pytest.mark.parametrize("binary", [True, False])
def test_tritons_client_sends_several_inputs_and_reads_several_outputs(server: Server, binary: bool) -> None:
    with triton.InferenceServerClient(
        server.url.replace("http://", ""), network_timeout=PATIENCE_S
    ) as client:
        outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in ("above", "sum")]
        tensors = inputs(binary, a=[[1, 2], [3, 4]], b=[[2, 1], [0, 5]])
        result = client.infer("sums", tensors, outputs=outputs)
        assert result.as_numpy("sum").tolist() == [[6, 6], [6, 18]]
        assert result.as_numpy("above").tolist() == [[False, True], [True, False]]
        described = client.get_model_metadata("sums")
        assert [(one["name"], one["datatype"], one["shape"]) for one in described["inputs"]] == [
            ("a", "FP32", [-1, 2]),
            ("b", "FP32", [-1, 2]),
        ]
        assert [(one["name"], one["datatype"]) for one in described["outputs"]] == [
            ("sum", "FP32"),
            ("above", "BOOL"),
        ]


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        (inputs(a=[[1, 2]]), "The input 'b' is missing"),
        (inputs(a=[[1, 2]], b=[[1, 2]], c=[[1, 2]]), "There is no input 'c'"),
        (inputs(a=[[1, 2]], b=[[1, 2], [3, 4]]), "differ in how many items"),
        (inputs(a=[[1, 2]], b=[[1, 2, 3]]), "The input 'b' is FP32 of shape [1, 3]"),
        (inputs(a=[[1, 2]], b=[[1, float("nan")]]), "what is no number"),
    ],
)
def test_bad_tensors_are_named(server: Server, tensors: Any, words: str) -> None:
    client = triton.InferenceServerClient(server.url.replace("http://", ""))
    with client, pytest.raises(InferenceServerException) as caught:
        client.infer("sums", tensors)
    assert words in str(caught.value)


def test_the_description_tells_of_every_task(server: Server) -> None:
    described = asking.get(f"{server.url}/openapi.json").json()["paths"]["/predict"]["post"]
    assert {"image/jpeg", "application/json", "text/plain"} <= set(described["requestBody"]["content"])
    assert len(described["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"]) == 2
    assert json.dumps(described)


@pytest.mark.one_python
def test_pictures_and_small_tensors_have_slots_of_their_own(tmp_path: Path) -> None:
    slow = build(colours.write_source(tmp_path / "slow", seconds=2.0, size=128), tmp_path / "models")[
        0
    ].directory
    sums = build(write_source(tmp_path / "sums"), tmp_path / "models")[0].directory
    more = [{"name": "sums", "path": sums, "backend": "numeric"}]
    config = write_config(
        tmp_path / "hotpath.toml", slow, more=more, limits={"queue": 2, "request_timeout_s": 60.0}
    )
    with serving(config) as running, ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(running.predict, picture("black")) for _ in range(2)]
        until(lambda: running.metric("hotpath_slots_in_use") == 2)
        assert running.predict(picture("red")).status_code == 429
        found = [ask(running, "sums", body(a=[1, 2], b=[3, 4]), "application/json") for _ in range(5)]
        assert [one.status_code for one in found] == [200] * 5
        assert [one.result().json()["label"] for one in waiting] == ["black"] * 2


MAPS = """
import numpy


def network(weights):
    ramp = numpy.arange(512, dtype="float32")
    return lambda seed: numpy.broadcast_to(seed[:, :, None], (len(seed), 512, 512)) + ramp
"""


@pytest.mark.one_python
def test_a_large_answer_arrives_whole_also_where_engines_and_workers_die(tmp_path: Path) -> None:
    lines = (
        f"inputs = [{tensor('seed', 'float32', 512)}]",
        f"outputs = [{tensor('map', 'float32', 512, 512)}]",
    )
    code = (
        MAPS
        + """

from hotpath.tasks.own import OwnTask


class Task(OwnTask):
    types = ("text/plain",)

    def read(self, body, kind, options):
        return (numpy.full(512, float(body), "float32"),)

    def describe(self, outputs):
        (found,) = outputs
        whole = (found == found[0, 0] + numpy.arange(512, dtype="float32")).all()
        return {"first": float(found[0, 0]), "whole": bool(whole)}
"""
    )
    source = write_source(tmp_path / "maps", code, b"5", "{ first = 5.0, whole = true }", lines, "maps")
    built = build(source, tmp_path / "models")[0].directory
    config = write_config(tmp_path / "hotpath.toml", built, name="maps", server={"workers": 2})
    with serving(config) as running, ThreadPoolExecutor(8) as threads:

        def one(number: int) -> Any:
            while True:
                try:
                    found = ask(running, "maps", str(number).encode(), "text/plain")
                except httpx.TransportError:
                    continue  # its worker was killed
                if found.status_code != 503:  # at the door, while no engine is warm
                    return found
                time.sleep(0.1)

        waiting = [threads.submit(one, number) for number in range(60)]
        for role in ("engine", "worker", "engine", "worker"):
            time.sleep(0.3)
            os.kill(running.children(role)[0], signal.SIGKILL)
        for number, answered in enumerate(waiting):
            found = answered.result()
            assert found.status_code == 200, found.text
            assert (found.json()["first"], found.json()["whole"]) == (float(number), True)
