"""Bad bodies, too much of everything, clients that misbehave: a clear answer, and the service stays well."""

from __future__ import annotations

import gzip
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple
from urllib.parse import urlsplit

import pytest
from support import asking
from support.colours import picture
from support.server import Server, serving, until, write_config

MEGABYTE = 1_000_000
PNG = {"content-type": "image/png"}
FORM = {"content-type": "multipart/form-data; boundary=b"}
_HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
_LARGE = _HEAD.replace(b"/predict", b"%s").replace(b"Host", b"Connection: close\r\nHost")
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.png"\r\n\r\n'


@pytest.fixture(scope="module")
def server(fast_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = tmp_path_factory.mktemp("limits") / "hotpath.toml"
    limits = {"body_bytes": MEGABYTE, "pixels": 1_000_000, "body_silence_s": 2.0}
    with serving(write_config(path, fast_model, limits=limits)) as running:
        yield running


@pytest.fixture(autouse=True)
def healthy_afterwards(server: Server) -> Iterator[None]:
    yield
    assert server.predict(picture("green")).json()["label"] == "green"
    until(lambda: server.metric("hotpath_slots_in_use") == 0)


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", {"content-type": "image/png"}, 400, "empty_body"),
        (b"hello", {"content-type": "image/jpeg"}, 415, "unsupported_image"),
        (picture("red")[:-20], {"content-type": "image/png"}, 422, "truncated_image"),
        (picture("red", size=(2000, 2000)), {"content-type": "image/png"}, 413, "too_many_pixels"),
        (picture("red"), {"content-type": "text/plain"}, 415, "unsupported_content_type"),
        (picture("red"), {}, 415, "unsupported_content_type"),
        (picture("red"), {"content-type": "multipart/form-data"}, 400, "malformed_multipart"),
        (picture("red"), FORM, 400, "malformed_multipart"),
        (PART + picture("red"), FORM, 400, "malformed_multipart"),
        (PART.replace(b'"file"', b'"image"') + picture("red") + b"\r\n--b--\r\n", FORM, 400, "missing_field"),
        (PART + b"\r\n--b--\r\n", FORM, 400, "empty_body"),
        (PART + b"x\r\n" + PART + b"y\r\n--b--\r\n", FORM, 400, "repeated_field"),
        (picture("red"), {**PNG, "content-encoding": "br"}, 415, "unsupported_content_encoding"),
        (picture("red"), {**PNG, "content-encoding": "gzip"}, 400, "malformed_compression"),
        (gzip.compress(b"\0" * 50_000_000), {**PNG, "content-encoding": "gzip"}, 413, "body_too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_body_is_told_what_is_wrong_and_what_to_do(
    server: Server, body: bytes, headers: Dict[str, str], status: int, code: str
) -> None:
    response = asking.post(f"{server.url}/predict", content=body, headers=headers)
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error["code"] == code
    assert error["message"] and error["remedy"]


@pytest.mark.parametrize("kind", ["image/png", FORM["content-type"]])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_hundred_megabytes_are_refused_whether_announced_or_not(
    server: Server, kind: str, chunked: bool
) -> None:
    head = PART if kind != "image/png" else b""

    def stream() -> Iterator[bytes]:
        yield head
        for _ in range(100):
            yield b"\0" * MEGABYTE

    content: Any = stream() if chunked else head + b"\0" * (100 * MEGABYTE)
    response = asking.post(
        f"{server.url}/predict", content=content, headers={"content-type": kind}, timeout=60
    )
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "body_too_large"
    assert "1000000 bytes" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "status"), [("/predict", 413), ("/v2/models/nobody/infer", 404), ("/nowhere", 404)]
)
def test_a_client_that_sends_all_before_it_reads_learns_why_it_is_refused(
    server: Server, path: str, status: int
) -> None:
    """It also asks to close the connection, which the service must not do while data is unread."""
    with _connect(server) as client:
        client.sendall(_LARGE % (path.encode(), 30 * MEGABYTE))
        client.sendall(b"\0" * (30 * MEGABYTE))
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b'"error"' in answer


def test_a_body_that_never_ends_arriving_times_out(server: Server) -> None:
    with _connect(server) as client:
        client.sendall(_HEAD % 100 + b"xx")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert b" 408 " in answer.split(b"\r\n")[0]
    assert b"body_timeout" in answer


def test_clients_that_connect_and_say_nothing_hold_no_place(server: Server) -> None:
    silent = [_connect(server) for _ in range(50)]
    assert server.predict(picture("red")).status_code == 200
    assert server.metric("hotpath_slots_in_use") == 0
    for client in silent:
        client.close()


def test_a_client_that_leaves_while_sending_is_forgotten(server: Server) -> None:
    before = server.metric('hotpath_shed_total{reason="client_gone"}')
    with _connect(server) as client:
        client.sendall(_HEAD % 100 + b"xx")
        until(lambda: server.metric("hotpath_uploads") == 1)
        assert server.metric("hotpath_uploads_bytes") == 2
        assert server.metric("hotpath_slots_in_use") == 0
    until(lambda: server.metric('hotpath_shed_total{reason="client_gone"}') == before + 1)


def test_no_place_left_is_429_with_the_time_to_come_back(fast_model: Path, tmp_path: Path) -> None:
    limits = {"queue": 2, "request_timeout_s": 100.0}
    config = write_config(tmp_path / "hotpath.toml", fast_model, limits=limits)
    with serving(config) as server, ThreadPoolExecutor(2) as pool:
        with server.paused_engine():
            held = [pool.submit(server.predict, picture("red")) for _ in range(2)]
            until(lambda: server.metric("hotpath_slots_in_use") == 2)
            refused = server.predict(picture("red"))
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "busy"
        assert int(refused.headers["retry-after"]) >= 1
        assert [request.result().status_code for request in held] == [200, 200]
        assert server.metric('hotpath_shed_total{reason="no_slot"}') == 1


def test_requests_past_their_time_are_504_and_never_run(fast_model: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "hotpath.toml", fast_model, limits={"request_timeout_s": 1.0})
    with serving(config) as server, ThreadPoolExecutor(3) as pool:
        with server.paused_engine():
            responses = list(pool.map(lambda _: server.predict(picture("red")), range(3)))
        assert [r.status_code for r in responses] == [504] * 3
        assert {r.json()["error"]["code"] for r in responses} == {"request_timeout"}
        until(lambda: server.metric("hotpath_slots_in_use") == 0)
        assert server.metric('hotpath_batch_size_count{engine="0/cpu"}') == 0


def test_requests_whose_clients_left_never_run(fast_model: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "hotpath.toml", fast_model, limits={"request_timeout_s": 100.0})
    with serving(config) as server:
        with server.paused_engine():
            with _connect(server) as client:
                image = picture("red")
                client.sendall(_HEAD % len(image) + image)
                until(lambda: server.metric("hotpath_decode_seconds_count") == 1)
            until(lambda: server.metric('hotpath_shed_total{reason="client_gone"}') == 1)
            assert server.metric("hotpath_slots_in_use") == 1, "the engine may still read the slot"
        until(lambda: server.metric("hotpath_slots_in_use") == 0)
        assert server.metric('hotpath_batch_size_count{engine="0/cpu"}') == 0


def _connect(server: Server) -> socket.socket:
    address: Tuple[str, int] = (str(urlsplit(server.url).hostname), int(urlsplit(server.url).port or 0))
    return socket.create_connection(address, timeout=60)
