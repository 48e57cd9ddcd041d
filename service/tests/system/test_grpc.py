"""The Open Inference Protocol over gRPC, by Triton's own client as it is published and by hand."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import grpc
import pytest
import tritonclient.grpc as triton
from support.colours import picture, write_source
from support.messages import filled
from support.server import PATIENCE_S, Server, python_environment, serving, until, write_config
from support.tritons import SIDE, images, labels_of, pixels
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

from hotpath.building.build import build

KEY = "0123456789abcdef-camera"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def write(
    directory: Path,
    model: Path,
    limits: Optional[Dict[str, Any]] = None,
    auth: Optional[Dict[str, Any]] = None,
    access_log: Optional[Dict[str, Any]] = None,
    **server: Any,
) -> Tuple[Path, int]:
    """A configuration with a port for gRPC, and that port; `server` are further keys of that table."""
    port = free_port()
    path = write_config(
        directory / "hotpath.toml",
        model,
        batching={"max_batch": 4},
        server={"grpc_port": port, **server},
        limits={"body_bytes": 1_000_000, "request_timeout_s": 100.0, **(limits or {})},
        auth=auth or {},
        access_log=access_log or {},
    )
    return path, port


class Running:
    """A service and where it answers gRPC."""

    def __init__(self, server: Server, port: int) -> None:
        self.server = server
        self.address = f"127.0.0.1:{port}"
        server.find("ready: listening")

    def client(self) -> Any:
        return triton.InferenceServerClient(self.address)

    def stub(self, channel: grpc.Channel) -> Any:
        return service_pb2_grpc.GRPCInferenceServiceStub(channel)


@pytest.fixture(scope="module")
def running(fast_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    path, port = write(tmp_path_factory.mktemp("grpc"), fast_model)
    with serving(path) as server:
        yield Running(server, port)


@pytest.fixture
def client(running: Running) -> Iterator[Any]:
    client = running.client()
    yield client
    client.close()


@pytest.fixture
def stub(running: Running) -> Iterator[Any]:
    with grpc.insecure_channel(running.address) as channel:
        yield running.stub(channel)


@pytest.fixture(autouse=True)
def nothing_is_left_behind(running: Running) -> Iterator[None]:
    yield
    until(lambda: running.server.metric("hotpath_slots_in_use") == 0)


def request(**changes: Any) -> Any:
    """A ModelInferRequest of one picture in `contents`."""
    tensor = {
        "name": "image",
        "datatype": "BYTES",
        "shape": [1],
        "contents": {"bytes_contents": [picture("red")]},
        **changes.pop("tensor", {}),
    }
    values = {"model_name": "colours", "inputs": [tensor], **changes}
    return filled(service_pb2.ModelInferRequest(), values)


def refused(ask: Callable[[], Any]) -> Any:
    with pytest.raises(grpc.RpcError) as error:
        ask()
    return error.value


def test_the_client_finds_server_and_model_live_and_ready(running: Running, client: Any) -> None:
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("colours")
    found = client.get_server_metadata()
    assert found.name == "hotpath" and "statistics" in found.extensions
    model = client.get_model_metadata("colours")
    assert client.is_model_ready("colours", model.versions[0])
    assert [(one.name, one.datatype, list(one.shape)) for one in model.inputs] == [("image", "BYTES", [-1])]
    assert [one.name for one in model.outputs] == ["classes", "scores", "labels"]
    config = client.get_model_config("colours").config
    assert (config.name, config.max_batch_size, config.backend) == ("colours", 4, "numeric")
    assert config.input[0].data_type == config.output[2].data_type == 13, "TYPE_STRING"
    assert config.instance_group[0].kind == 2 and config.dynamic_batching.priority_levels == 9
    (entry,) = client.get_model_repository_index().models
    assert (entry.name, entry.version, entry.state) == ("colours", model.versions[0], "READY")


def test_tritons_tools_find_what_a_model_has_done(client: Any) -> None:
    before = client.get_inference_statistics("colours").model_stats[0]
    client.infer("colours", [images(triton, "red", "blue", "green")])
    (after,) = client.get_inference_statistics().model_stats
    assert after.inference_count - before.inference_count == 3
    assert after.inference_stats.success.ns > before.inference_stats.success.ns


def test_what_triton_lets_clients_change_is_refused_in_words(client: Any) -> None:
    for ask, words in (
        (lambda: client.load_model("colours"), "not loaded or unloaded by clients"),
        (client.get_system_shared_memory_status, "Shared memory is not supported"),
        (client.get_trace_settings, "Traces are not set by clients"),
        (client.get_log_settings, "The log is not set by clients"),
    ):
        with pytest.raises(InferenceServerException) as error:
            ask()
        assert error.value.status() == "StatusCode.UNIMPLEMENTED" and words in error.value.message()


def test_pictures_and_pixels_are_answered(client: Any) -> None:
    colours = ["grey", "white", "red", "blue"]
    assert labels_of(client.infer("colours", [images(triton, *colours)])) == colours
    tensor = triton.InferInput("image", [4, SIDE, SIDE, 3], "UINT8")
    tensor.set_data_from_numpy(pixels(*colours))
    outputs = [triton.InferRequestedOutput(name) for name in ("labels", "scores")]
    version = client.get_model_metadata("colours").versions[0]
    result = client.infer(
        "colours",
        [tensor],
        version,
        outputs,
        request_id="one",
        priority=1,
        timeout=90_000_000,
        client_timeout=90.0,
        parameters={"colour": "any"},
    )
    assert labels_of(result) == colours
    found = result.get_response()
    assert (found.id, found.model_version) == ("one", version)
    assert [(one.name, one.datatype, list(one.shape)) for one in found.outputs] == [
        ("labels", "BYTES", [4, 5]),
        ("scores", "FP32", [4, 5]),
    ]
    assert result.as_numpy("classes") is None


def test_the_answers_are_those_of_predict(running: Running, client: Any) -> None:
    result = client.infer("colours", [images(triton, "green")])
    top = running.server.predict(picture("green")).json()["top_k"]
    assert result.as_numpy("classes")[0].tolist() == [item["class"] for item in top]
    assert result.as_numpy("scores")[0] == pytest.approx([item["score"] for item in top], abs=1e-6)


def test_typed_contents_are_answered_like_raw_ones(stub: Any) -> None:
    shape = [1, SIDE, SIDE, 3]
    numbers = {"uint_contents": pixels("green").ravel().tolist()}
    tensor = {"datatype": "UINT8", "shape": shape, "contents": numbers}
    raw = {"datatype": "UINT8", "shape": shape, "contents": None}
    answers = [
        stub.ModelInfer(request(tensor=tensor)),
        stub.ModelInfer(request(tensor=raw, raw_input_contents=[pixels("green").tobytes()])),
    ]
    assert answers[0] == answers[1] and b"green" in answers[0].raw_output_contents[2]
    assert b"red" in stub.ModelInfer(request()).raw_output_contents[2]


C = grpc.StatusCode
PIXELS = {"datatype": "UINT8", "shape": [1, SIDE, SIDE, 3], "contents": None}


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"model_name": "shapes"}, C.NOT_FOUND, "There is no model 'shapes'"),
        ({"model_name": "x" * 100_000}, C.NOT_FOUND, "Ask for one of: colours"),
        ({"model_version": "7"}, C.NOT_FOUND, "There is no version '7'"),
        ({"inputs": []}, C.INVALID_ARGUMENT, "inputs"),
        ({"tensor": {"name": "picture"}}, C.INVALID_ARGUMENT, "There is no input 'picture'"),
        (
            {"tensor": {"datatype": "FP32", "contents": {"fp32_contents": [1.0]}}},
            C.INVALID_ARGUMENT,
            "is FP32",
        ),
        ({"tensor": {"datatype": "FP64", "contents": {}}}, C.INVALID_ARGUMENT, "is FP64"),
        ({"tensor": {"shape": []}}, C.INVALID_ARGUMENT, "of shape []"),
        ({"tensor": {"shape": [-1]}}, C.INVALID_ARGUMENT, "holds -1 items"),
        ({"tensor": {"shape": [2**62, 2**62]}}, C.INVALID_ARGUMENT, "promises"),
        ({"tensor": {"shape": [2]}}, C.INVALID_ARGUMENT, "holds 1 elements"),
        ({"tensor": {"contents": {}}}, C.INVALID_ARGUMENT, "holds 0 elements"),
        ({"tensor": {"contents": {"int_contents": [1]}}}, C.INVALID_ARGUMENT, "has int_contents"),
        ({"tensor": {"contents": {"bytes_contents": [b"hello"]}}}, C.INVALID_ARGUMENT, "The element 0"),
        ({"tensor": {"contents": {"bytes_contents": [picture("red")[:-20]]}}}, C.INVALID_ARGUMENT, "Way out"),
        ({"raw_input_contents": [b"a", b"b"]}, C.INVALID_ARGUMENT, "1 inputs and 2 'raw_input_contents'"),
        ({"raw_input_contents": [b"a"]}, C.INVALID_ARGUMENT, "an input with 'contents' too"),
        ({"tensor": PIXELS, "raw_input_contents": [b"\0" * 767]}, C.INVALID_ARGUMENT, "holds 767 bytes"),
        (
            {"tensor": {**PIXELS, "shape": [1, 4, -4, 3]}, "raw_input_contents": [b""]},
            C.INVALID_ARGUMENT,
            "-4",
        ),
        (
            {"tensor": {**PIXELS, "contents": {"uint_contents": [256] * 768}}},
            C.INVALID_ARGUMENT,
            "more than UINT8",
        ),
        ({"outputs": [{"name": "nothing"}]}, C.INVALID_ARGUMENT, "'nothing' is not there"),
        ({"parameters": {"priority": {"int64_param": 10}}}, C.INVALID_ARGUMENT, "priority"),
        ({"parameters": {"timeout": {"string_param": "5"}}}, C.INVALID_ARGUMENT, "timeout"),
        ({"parameters": {"sequence_id": {"int64_param": 1}}}, C.INVALID_ARGUMENT, "Sequences are not"),
        (
            {"tensor": {"parameters": {"shared_memory_region": {"string_param": "r"}}, "contents": None}},
            C.INVALID_ARGUMENT,
            "Shared memory",
        ),
        ({"parameters": {"timeout": {"int64_param": 1}}}, C.DEADLINE_EXCEEDED, "within 1e-06 s"),
    ],
)
def test_what_is_refused_has_a_code_and_words(
    stub: Any, changes: Dict[str, Any], code: Any, words: str
) -> None:
    error = refused(lambda: stub.ModelInfer(request(**changes), timeout=PATIENCE_S))
    assert error.code() is code and words in error.details()
    metadata = dict(error.trailing_metadata())
    assert metadata["x-request-id"] and metadata["hotpath-code"]


def test_messages_that_are_none_and_too_large_ones_are_refused(running: Running) -> None:
    with grpc.insecure_channel(running.address) as channel:
        ask = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        error = refused(lambda: ask(b"\xff\xff"))
        assert error.code() is C.INVALID_ARGUMENT and "no ModelInferRequest" in error.details()
        assert refused(lambda: ask(b"\0" * 1_000_001)).code() is C.RESOURCE_EXHAUSTED
        other = channel.unary_unary("/inference.GRPCInferenceService/ModelConfig")
        assert refused(lambda: other(b"\0" * 70_000)).code() is C.INVALID_ARGUMENT
        assert refused(lambda: channel.unary_unary("/a/B")(b"")).code() is C.UNIMPLEMENTED


def test_a_deadline_ends_the_wait(running: Running, stub: Any) -> None:
    expired = running.server.metric('hotpath_shed_total{reason="expired"}')
    with running.server.paused_engine():
        error = refused(lambda: stub.ModelInfer(request(), timeout=0.3))
        assert error.code() is C.DEADLINE_EXCEEDED
        until(lambda: running.server.metric('hotpath_shed_total{reason="expired"}') == expired + 1)
    assert not [line for line in running.server.log if "Traceback" in line or "ERROR" in line]
    error = refused(lambda: stub.ModelInfer(request(), metadata=[("x-request-deadline-ms", "no")]))
    assert error.code() is C.INVALID_ARGUMENT and "X-Request-Deadline-Ms" in error.details()


def test_a_client_that_goes_gives_back_its_place(running: Running, stub: Any) -> None:
    gone = running.server.metric('hotpath_shed_total{reason="client_gone"}')
    with running.server.paused_engine():
        call = stub.ModelInfer.future(request())
        until(lambda: running.server.metric("hotpath_slots_in_use") == 1)
        call.cancel()
        until(lambda: running.server.metric('hotpath_shed_total{reason="client_gone"}') == gone + 1)


def test_a_stream_answers_each_request_as_soon_as_it_can(running: Running, client: Any) -> None:
    found: queue.Queue[Any] = queue.Queue()
    client.start_stream(lambda result, error: found.put((result, error)))
    colours = ["red", "green", "blue", "white"] * 5
    for index, colour in enumerate(colours):
        client.async_stream_infer("colours", [images(triton, colour)], request_id=str(index))
    client.async_stream_infer("shapes", [images(triton, "red")], request_id="lost")
    answers, errors = {}, []
    for _ in range(len(colours) + 1):
        result, error = found.get(timeout=PATIENCE_S)
        if error is not None:
            errors.append(error.message())
        else:
            answers[result.get_response().id] = labels_of(result)
    assert len(errors) == 1, errors
    assert answers == {str(index): [colour] for index, colour in enumerate(colours)}
    assert len(errors) == 1 and "There is no model 'shapes'" in errors[0]
    client.stop_stream()


def test_an_error_in_a_stream_names_its_request(stub: Any) -> None:
    asked = [request(id="good"), request(id="bad", tensor={"shape": [9]})]
    answers = {one.infer_response.id: one for one in stub.ModelStreamInfer(iter(asked))}
    assert answers["good"].error_message == "" and len(answers["good"].infer_response.outputs) == 3
    assert "holds 1 elements" in answers["bad"].error_message


def test_a_stream_that_is_left_gives_back_its_places(running: Running, stub: Any) -> None:
    gone = running.server.metric('hotpath_shed_total{reason="client_gone"}')
    with running.server.paused_engine():
        stream = stub.ModelStreamInfer(iter([request(), request()]))
        until(lambda: running.server.metric("hotpath_slots_in_use") == 2)
        stream.cancel()
        until(lambda: running.server.metric('hotpath_shed_total{reason="client_gone"}') == gone + 2)
    assert not [line for line in running.server.log if "Traceback" in line or "ERROR" in line]


def test_requests_are_counted_and_have_ids(running: Running, stub: Any) -> None:
    infers = 'hotpath_requests_total{route="grpc/infer",status="200"}'
    others = 'hotpath_requests_total{route="grpc",status="200"}'
    before = running.server.metric(infers), running.server.metric(others)
    call = stub.ModelInfer.with_call(request(), metadata=[("x-request-id", "mine")])[1]
    metadata = dict(call.trailing_metadata())
    assert metadata["x-request-id"] == "mine" and "compute;dur=" in metadata["server-timing"]
    stub.ServerLive(service_pb2.ServerLiveRequest())
    found = running.server.metric(infers), running.server.metric(others)
    assert found == (before[0] + 1, before[1] + 1)


def test_a_full_service_tells_when_to_come_again(fast_model: Path, tmp_path: Path) -> None:
    path, port = write(tmp_path, fast_model, {"queue": 1})
    with serving(path) as server, ThreadPoolExecutor(1) as pool:
        full = Running(server, port)
        with grpc.insecure_channel(full.address) as channel, server.paused_engine():
            held = pool.submit(server.predict, picture("red"))
            until(lambda: server.metric("hotpath_slots_in_use") == 1)
            error = refused(lambda: full.stub(channel).ModelInfer(request()))
            assert error.code() is C.RESOURCE_EXHAUSTED and "Try again in" in error.details()
            metadata = dict(error.trailing_metadata())
            assert int(metadata["retry-after"]) * 1000 == int(metadata["grpc-retry-pushback-ms"])
        assert held.result().status_code == 200


def ask_stream(stub: Any, metadata: List[Tuple[str, str]]) -> Any:
    return stub.ModelStreamInfer(iter([request()]), metadata=metadata)


def test_keys_are_judged_as_over_http(fast_model: Path, tmp_path: Path) -> None:
    keys, log = tmp_path / "keys.toml", tmp_path / "access.log"
    keys.write_text(f'[camera]\nkey = "{KEY}"\n[watcher]\nkey = "{KEY}-2"\nallow = ["metrics"]\n')
    keys.chmod(0o600)
    path, port = write(
        tmp_path,
        fast_model,
        auth={"keys": str(keys)},
        access_log={"sample": 1.0, "path": str(log)},
    )
    with serving(path) as server:
        guarded = Running(server, port)
        with grpc.insecure_channel(guarded.address) as channel:
            stub = guarded.stub(channel)
            assert stub.ServerReady(service_pb2.ServerReadyRequest()).ready
            assert refused(lambda: stub.ModelInfer(request())).code() is C.UNAUTHENTICATED
            index = service_pb2.RepositoryIndexRequest()
            assert refused(lambda: stub.RepositoryIndex(index)).code() is C.UNAUTHENTICATED
            for key, code in (("x" * 20, C.UNAUTHENTICATED), (f"{KEY}-2", C.PERMISSION_DENIED)):
                metadata = [("authorization", f"Bearer {key}")]
                for call in (
                    stub.ModelInfer.future(request(), metadata=metadata),
                    ask_stream(stub, metadata),
                ):
                    assert call.code() is code
            metadata = [("authorization", f"Bearer {KEY}"), ("x-request-id", "seven")]
            assert stub.ModelInfer(request(), metadata=metadata).model_name == "colours"
        assert server.stop() == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    (line,) = [line for line in lines if line["status"] == 200 and line["path"].endswith("ModelInfer")]
    assert (line["request_id"], line["key"], line["client"]) == ("seven", "camera", "127.0.0.1")


def test_at_its_end_the_service_answers_what_it_accepted(fast_model: Path, tmp_path: Path) -> None:
    path, port = write(tmp_path, fast_model, shutdown_delay_s=1.0)
    with serving(path) as server, ThreadPoolExecutor(1) as pool:
        ending = Running(server, port)
        with grpc.insecure_channel(ending.address) as channel:
            stub = ending.stub(channel)
            with server.paused_engine():
                held = pool.submit(stub.ModelInfer, request())
                until(lambda: server.metric("hotpath_slots_in_use") == 1)
                asking: queue.Queue[Any] = queue.Queue()
                stream = stub.ModelStreamInfer(iter(asking.get, None))
                asking.put(request(id="streamed"))
                until(lambda: server.metric("hotpath_slots_in_use") == 2)
                server.process.terminate()
                until(lambda: not stub.ServerReady(service_pb2.ServerReadyRequest()).ready)
                server.find("draining: finishing")
            assert held.result().model_name == "colours"
            assert next(stream).infer_response.id == "streamed"
            assert refused(lambda: next(stream)).code() is C.UNAVAILABLE
            asking.put(None)
        assert server.process.wait(PATIENCE_S) == 0


def test_what_is_not_finished_at_the_end_is_refused(fast_model: Path, tmp_path: Path) -> None:
    path, port = write(tmp_path, fast_model, drain_timeout_s=1)
    with serving(path) as server, ThreadPoolExecutor(1) as pool:
        ending = Running(server, port)
        with grpc.insecure_channel(ending.address) as channel, server.paused_engine():
            held = pool.submit(lambda: refused(lambda: ending.stub(channel).ModelInfer(request())))
            until(lambda: server.metric("hotpath_slots_in_use") == 1)
            server.process.terminate()
            error = held.result()
        assert error.code() is C.UNAVAILABLE and "ended before" in error.details()
        assert dict(error.trailing_metadata())["retry-after"] == "1"


def test_workers_share_the_port_and_one_that_dies_is_followed(fast_model: Path, tmp_path: Path) -> None:
    path, port = write(tmp_path, fast_model, workers=2)
    with serving(path) as server:
        shared = Running(server, port)
        asked: List[grpc.Channel] = []

        def prefixes() -> int:
            """Of the ids that requests got: each worker has one."""
            options = [("grpc.use_local_subchannel_pool", 1)]
            channel = grpc.insecure_channel(shared.address, options)
            asked.append(channel)
            call = shared.stub(channel).ModelInfer.with_call(
                request(), timeout=PATIENCE_S, wait_for_ready=True
            )
            seen.add(dict(call[1].trailing_metadata())["x-request-id"].partition("-")[0])
            return len(seen)

        seen: set[str] = set()
        until(lambda: prefixes() == 2)
        victim = server.children("worker")[0]
        os.kill(victim, signal.SIGKILL)
        until(lambda: len(server.children("worker")) == 2 and victim not in server.children("worker"))
        seen.clear()
        until(lambda: prefixes() == 2)
        for channel in asked:
            channel.close()
        assert server.stop() == 0


def test_another_version_comes_in_and_no_request_is_lost(fast_model: Path, tmp_path: Path) -> None:
    labels = {colour: colour.upper() for colour in ("red", "green", "blue", "white", "black", "grey")}
    other, _ = build(write_source(tmp_path / "source", labels=labels), tmp_path / "models")
    path, port = write(tmp_path, fast_model, workers=2, control=str(tmp_path / "control"))
    with serving(path) as server, ThreadPoolExecutor(1) as pool:
        changing = Running(server, port)
        with grpc.insecure_channel(changing.address) as channel:

            def ask() -> Iterator[Any]:
                while not swapping.done():
                    ahead.acquire()
                    yield request()
                yield request(id="last")

            how = ("--model", "colours", "--path", str(other.directory))
            swapping = pool.submit(hotpath, "swap", path, None, *how)
            answers, ahead = [], threading.Semaphore(8)
            for answer in changing.stub(channel).ModelStreamInfer(ask()):
                answers.append(answer)
                ahead.release()
        assert swapping.result().returncode == 0, swapping.result().stderr
        assert not [answer.error_message for answer in answers if answer.error_message]
        (last,) = [answer.infer_response for answer in answers if answer.infer_response.id == "last"]
        assert b"RED" in last.raw_output_contents[2]


def test_only_so_many_streams_are_open_at_once(fast_model: Path, tmp_path: Path) -> None:
    path, port = write(tmp_path, fast_model, {"transit_bytes": 2_000_000})
    with serving(path) as server:
        few = Running(server, port)
        asking: queue.Queue[Any] = queue.Queue()
        with grpc.insecure_channel(few.address) as channel:
            streams = [few.stub(channel).ModelStreamInfer(iter(asking.get, None)) for _ in range(3)]
            until(lambda: any(stream.done() for stream in streams))
            (refused_one,) = [stream for stream in streams if stream.done()]
            assert refused_one.code() is C.RESOURCE_EXHAUSTED and "2 streams" in refused_one.details()
            for _ in streams:
                asking.put(None)


def test_a_port_that_is_taken_is_told_at_the_start(fast_model: Path, tmp_path: Path) -> None:
    path, port = write(tmp_path, fast_model)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        for command in ("serve", "check"):
            found = hotpath(command, path)
            assert found.returncode != 0
            assert "server.grpc_port to another one" in found.stdout + found.stderr


def test_a_running_services_port_is_its_own(fast_model: Path, tmp_path: Path) -> None:
    path, port = write(tmp_path, fast_model, port=free_port())
    with serving(path) as server:
        server.find("ready: listening")
        found = hotpath("check", path)
        assert str(port) not in found.stdout + found.stderr


def test_without_its_library_the_way_out_is_told(fast_model: Path, tmp_path: Path) -> None:
    path, _ = write(tmp_path, fast_model)
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text("import sys; sys.modules['grpc'] = None\n")
    for command in ("serve", "check"):
        found = hotpath(command, path, hidden)
        assert found.returncode != 0 and "extra 'grpc'" in found.stdout + found.stderr


def test_without_the_port_nothing_of_it_is_imported(fast_model: Path, tmp_path: Path) -> None:
    path = write_config(tmp_path / "hotpath.toml", fast_model)
    with serving(path) as server:
        for worker in server.children("worker"):
            assert "cygrpc" not in Path(f"/proc/{worker}/maps").read_text()
    path, _ = write(tmp_path, fast_model)
    with serving(path) as server:
        (worker,) = server.children("worker")
        assert "cygrpc" in Path(f"/proc/{worker}/maps").read_text()
        assert "cygrpc" not in Path(f"/proc/{server.process.pid}/maps").read_text()


def hotpath(
    command: str, config: Path, hidden: Optional[Path] = None, *arguments: str
) -> subprocess.CompletedProcess[str]:
    environment = python_environment()
    if hidden is not None:
        environment["PYTHONPATH"] = f"{hidden}:{environment['PYTHONPATH']}"
    return subprocess.run(
        [sys.executable, "-m", "hotpath", command, "--config", str(config), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def test_raw_bytes_tell_where_they_end(stub: Any) -> None:
    short = struct.pack("<I", 1000) + picture("red")[:10]
    changes = {"tensor": {"contents": None}, "raw_input_contents": [short]}
    error = refused(lambda: stub.ModelInfer(request(**changes)))
    assert error.code() is C.INVALID_ARGUMENT and "bytes too late" in error.details()
