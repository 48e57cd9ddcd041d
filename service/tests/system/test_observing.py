"""Ids, access log, Server-Timing and traces of a running service."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import numpy
import pytest
import tritonclient.http as triton
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from support import asking
from support.collector import Collector, attributes, collecting
from support.colours import picture
from support.server import Server, serving, until, write_config

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("observing")


@pytest.fixture(scope="module")
def server(fast_model: Path, room: Path, collector: Collector) -> Iterator[Server]:
    config = write_config(
        room / "hotpath.toml",
        fast_model,
        access_log={"sample": 1.0, "path": room / "access.log"},
        tracing={"endpoint": collector.url, "ratio": 0.0, "service_name": "tested"},
    )
    with serving(config) as running:
        yield running


def logged(room: Path, request_id: str) -> Dict[str, Any]:
    """The access log's line of a request."""

    def find() -> List[Dict[str, Any]]:
        every = [json.loads(line) for line in (room / "access.log").read_text().splitlines()]
        return [line for line in every if line["request_id"] == request_id]

    until(lambda: bool(find()))
    (line,) = find()
    return line


def test_an_id_is_echoed_in_answers_errors_and_the_log(server: Server, room: Path) -> None:
    good = server.predict(picture("red"), **{"x-request-id": "client-1"})
    bad = server.predict(b"no image", **{"x-request-id": "client-2"})
    assert good.headers["x-request-id"] == "client-1" and bad.headers["x-request-id"] == "client-2"
    assert bad.json()["error"]["request_id"] == "client-2"
    line = logged(room, "client-1")
    assert (line["status"], line["model"], line["batch_size"]) == (200, "colours", 1)
    assert {"receive_ms", "decode_ms", "queue_ms", "compute_ms", "duration_ms"} <= set(line)
    line = logged(room, "client-2")
    assert (line["status"], line["error"]) == (415, "unsupported_image")


def test_nobody_on_this_machine_is_taken_for_a_proxy(server: Server, room: Path) -> None:
    told = {"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https", "x-request-id": "told-1"}
    assert server.predict(picture("red"), **told).status_code == 200
    line = logged(room, "told-1")
    assert (line["client"], line["scheme"]) == ("127.0.0.1", "http")


@pytest.mark.parametrize("path", ["/livez", "/nothing", "/v2/health/ready", "/v2/nothing", "/metrics"])
def test_every_answer_has_an_id_of_its_own(server: Server, room: Path, path: str) -> None:
    first, second = (asking.get(f"{server.url}{path}", headers={"x-request-id": "no good"}) for _ in "ab")
    assert re.fullmatch("[0-9a-f]{16}-[0-9a-f]+", first.headers["x-request-id"])
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert logged(room, first.headers["x-request-id"])["path"] == path


def test_both_protocols_tell_their_stages(server: Server) -> None:
    inference = asking.post(
        f"{server.url}/v2/models/colours/infer",
        content=picture("red"),
        headers={"Inference-Header-Content-Length": "0"},
    )
    for answer in (server.predict(picture("red")), inference):
        timing = dict(re.findall(r"(\w+);dur=([0-9.]+)", answer.headers["server-timing"]))
        assert list(timing) == ["receive", "decode", "queue", "compute", "total"]
        parts = sum(float(value) for name, value in timing.items() if name != "total")
        assert parts <= float(timing["total"]) + 0.01  # each is rounded
    assert "server-timing" not in server.predict(b"no image").headers


def spans_of(collector: Collector, root: Span) -> List[Span]:
    return [span for span in list(collector.spans) if span.parent_span_id == root.span_id]


def times(span: Span) -> Tuple[int, int]:
    return span.start_time_unix_nano, span.end_time_unix_nano


def test_a_callers_trace_goes_on_with_a_span_for_each_stage(
    server: Server, room: Path, collector: Collector
) -> None:
    before = time.time_ns()
    answer = server.predict(
        picture("red"), traceparent=f"00-{TRACE}-{CALLER}-01", **{"x-request-id": "traced-1"}
    )
    after = time.time_ns()
    until(
        lambda: any(
            attributes(s)["hotpath.request_id"] == "traced-1" for s in collector.named("POST /predict")
        )
    )
    (root,) = [
        s for s in collector.named("POST /predict") if attributes(s)["hotpath.request_id"] == "traced-1"
    ]
    assert (root.trace_id.hex(), root.parent_span_id.hex()) == (TRACE, CALLER)
    assert root.kind == Span.SPAN_KIND_SERVER
    told = attributes(root)
    assert told["http.request.method"] == "POST" and told["http.response.status_code"] == 200
    assert told["hotpath.model"] == "colours" and len(told["hotpath.version"]) == 12
    assert collector.resources[0]["service.name"] == "tested"
    assert logged(room, "traced-1")["trace_id"] == TRACE

    stages = {span.name: span for span in spans_of(collector, root)}
    assert set(stages) == {"receive", "decode", "queue", "compute"}
    assert all(span.trace_id.hex() == TRACE for span in stages.values())
    # In order, within the whole, and the whole within what the client measured.
    ends = [times(stages[name]) for name in ("receive", "decode", "queue", "compute")]
    slack = 1_000_000  # the wall clock and the monotonic one are read one after the other
    assert before - slack <= times(root)[0] and times(root)[1] <= after + slack
    for (_, end), (start, _) in zip(ends, ends[1:]):
        assert end <= start + 1000  # whole nanoseconds
    assert times(root)[0] <= ends[0][0] and ends[-1][1] <= times(root)[1] + 1000
    timings = answer.json()["timings_ms"]
    for name in ("decode", "queue", "compute"):
        start, end = times(stages[name])
        assert (end - start) / 1e6 == pytest.approx(timings[name], abs=0.002)


def test_each_image_of_a_request_has_its_stages(server: Server, collector: Collector) -> None:
    client = triton.InferenceServerClient(server.url.replace("http://", ""))
    tensor = triton.InferInput("image", [2], "BYTES")
    tensor.set_data_from_numpy(numpy.array([picture("red"), picture("blue")], dtype=object))
    trace = "a" * 32
    client.infer("colours", [tensor], headers={"traceparent": f"00-{trace}-{CALLER}-01"})
    client.close()
    until(lambda: bool(collector.named("POST /v2/infer")))
    root = collector.named("POST /v2/infer")[-1]
    assert root.trace_id.hex() == trace
    images = [attributes(s)["hotpath.image"] for s in spans_of(collector, root) if s.name == "decode"]
    assert sorted(images) == [0, 1]


def test_what_is_not_sampled_or_no_prediction_is_not_sent(server: Server, collector: Collector) -> None:
    trace = "b" * 32
    server.predict(picture("red"))  # the ratio is 0
    server.predict(picture("red"), traceparent=f"00-{trace}-{CALLER}-00")  # the caller says no
    asking.get(f"{server.url}/livez", headers={"traceparent": f"00-{trace}-{CALLER}-01"})
    server.predict(picture("red"), traceparent=f"00-{'c' * 32}-{CALLER}-01")
    until(lambda: any(span.trace_id.hex() == "c" * 32 for span in list(collector.spans)))
    assert not [span for span in collector.spans if span.trace_id.hex() == trace]
    assert {span.trace_id.hex() for span in collector.spans} <= {TRACE, "a" * 32, "c" * 32}


@pytest.mark.parametrize("parent", ["", "x", "00-0-0-0", f"00-{'0' * 32}-{CALLER}-01", "\xff" * 55])
def test_a_broken_traceparent_is_passed_over(server: Server, parent: str) -> None:
    answer = asking.post(
        f"{server.url}/predict",
        content=picture("red"),
        headers=[(b"content-type", b"image/png"), (b"traceparent", parent.encode("latin-1"))],
    )
    assert answer.status_code == 200


def test_every_trace_is_kept_at_a_ratio_of_one_and_the_last_are_sent_at_the_end(
    fast_model: Path, tmp_path: Path
) -> None:
    with collecting() as collector:
        config = write_config(
            tmp_path / "hotpath.toml", fast_model, tracing={"endpoint": collector.url, "ratio": 1.0}
        )
        with serving(config) as server:
            for _ in range(5):
                assert server.predict(picture("red")).status_code == 200
            assert server.predict(b"no image").status_code == 415
            assert server.stop() == 0
        assert len(collector.named("POST /predict")) == 6
        assert len({span.trace_id for span in collector.named("POST /predict")}) == 6


def test_a_collector_that_is_away_changes_nothing(fast_model: Path, tmp_path: Path) -> None:
    with collecting() as collector:
        away = collector.url
    config = write_config(tmp_path / "hotpath.toml", fast_model, tracing={"endpoint": away, "ratio": 1.0})
    with serving(config) as server:
        for _ in range(5):
            assert server.predict(picture("red")).json()["label"] == "red"
        assert server.stop() == 0


def test_the_access_log_goes_to_standard_error_by_default(fast_model: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "hotpath.toml", fast_model, access_log={"sample": 0.0})
    with serving(config) as server:
        assert server.predict(picture("red"), **{"x-request-id": "fine-1"}).status_code == 200
        trace = f"00-{TRACE}-{CALLER}-01"
        assert server.predict(b"x", traceparent=trace, **{"x-request-id": "failed-1"}).status_code == 415
        line = json.loads(server.find('^{"type":"access".*'))
    assert (line["request_id"], line["trace_id"]) == ("failed-1", TRACE)


def test_a_log_that_can_not_be_written_is_told_at_the_start(fast_model: Path, tmp_path: Path) -> None:
    config = write_config(
        tmp_path / "hotpath.toml", fast_model, access_log={"path": tmp_path / "nowhere" / "access.log"}
    )
    with serving(config) as server:
        server.find("access_log.path = .*nowhere.* can't be written")
        assert server.process.wait(60) == 78
