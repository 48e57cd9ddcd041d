"""Slow lines cost nobody else an answer: not a place, not a connection."""

from __future__ import annotations

import contextlib
import itertools
import resource
import socket
import time
from pathlib import Path
from typing import Iterator, List
from urllib.parse import urlsplit

import pytest
from support import asking
from support.colours import picture
from support.server import Server, serving, until, write_config

RAW = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
CHUNKED = (
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"
)
FORM = (
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    b"Content-Length: 1000\r\n\r\n--b\r\n"
)
V2 = b"POST /v2/models/colours/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
FILES = 512
"""Open files of a process: fewer than a thousand clients need."""


@pytest.fixture(scope="module")
def server(fast_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = tmp_path_factory.mktemp("uploads") / "hotpath.toml"
    limits = {"queue": 4, "body_silence_s": 4.0, "request_timeout_s": 1.0}
    config = write_config(path, fast_model, limits=limits, server={"keep_alive_s": 1000})
    with serving(config, under=["prlimit", f"--nofile={FILES}"]) as running:
        yield running


@contextlib.contextmanager
def clients(server: Server, count: int, *heads: bytes) -> Iterator[List[socket.socket]]:
    """So many clients that have sent one of the heads, and no whole body."""
    with contextlib.ExitStack() as stack:
        found = []
        for _, head in zip(range(count), itertools.cycle(heads)):
            found.append(stack.enter_context(_connect(server)))
            found[-1].sendall(head)
        yield found


def test_uploads_on_their_way_take_no_place(server: Server) -> None:
    heads = [RAW % 1000 + b"x", CHUNKED + b"1\r\nx\r\n", FORM, V2]
    with clients(server, 8, *heads):
        until(lambda: server.metric("hotpath_uploads") == 8)
        assert server.metric("hotpath_slots_in_use") == 0
        assert [server.predict(picture("red")).status_code for _ in range(4)] == [200] * 4


def test_a_steady_upload_is_answered_however_long_it_takes(server: Server) -> None:
    """Longer than a request may take, and than a pause may last; its own client's deadline still holds."""
    image = picture("red") + bytes(3000)
    with _connect(server) as patient, _connect(server) as hurried:
        patient.sendall(RAW % len(image))
        hurried.sendall((RAW % len(image)).replace(b"Host", b"X-Request-Deadline-Ms: 900\r\nHost"))
        started, step = time.monotonic(), len(image) // 10 + 1
        for at in range(0, len(image), step):
            patient.sendall(image[at : at + step])
            time.sleep(0.5)
        assert time.monotonic() - started > 4.5
        assert patient.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert b"request_timeout" in hurried.recv(65536)


def test_more_trickling_clients_than_there_are_files_cost_nobody_an_answer(server: Server) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with clients(server, 1000, RAW % 100_000 + b"x", V2, b"GET /livez HTTP/1.1\r\nHost: ") as trickling:
            statuses, refused = [], b""
            for _ in range(6):
                statuses.append(server.predict(picture("red")).status_code)
                for client in trickling:
                    with contextlib.suppress(OSError):
                        client.send(b"x")
                time.sleep(0.2)
            for client in trickling:
                client.setblocking(False)
                with contextlib.suppress(OSError):
                    refused += client.recv(65536)
        assert statuses == [200] * 6
        assert b"HTTP/1.1 408 " in refused and b"others waited for its room" in refused
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    until(lambda: server.metric("hotpath_uploads") == 0)


def test_a_full_service_refuses_before_it_takes_a_body(server: Server) -> None:
    with server.paused_engine(), contextlib.ExitStack() as stack:
        for _ in range(4):
            waiting = stack.enter_context(_connect(server))
            waiting.sendall(RAW % len(picture("red")) + picture("red"))
        until(lambda: server.metric("hotpath_slots_in_use") == 4)
        with _connect(server) as client:
            client.sendall((RAW % 100_000).replace(b"Host", b"Expect: 100-continue\r\nHost"))
            assert client.recv(65536).startswith(b"HTTP/1.1 429 ")
    until(lambda: server.metric("hotpath_slots_in_use") == 0)
    assert asking.get(f"{server.url}/readyz").status_code == 200


def _connect(server: Server) -> socket.socket:
    address = urlsplit(server.url)
    return socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=60)
