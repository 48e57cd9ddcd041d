"""A running service under cases made from its own description, and under broken requests of every kind."""

from __future__ import annotations

import http.client
import os
import socket
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple
from urllib.parse import urlsplit

import httpx
import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance
from support import asking, numbers, texts
from support.colours import picture
from support.connection import Client, play
from support.conversations import Answer, Ask, Story, converse, judge, stories
from support.fuzzing import case, fuzz
from support.server import PATIENCE_S, Server, serving, until, write_config

from hotpath.building.build import build

BUSY = (503, 504)
"""What a service may answer that has too much to do; every other 5xx is a fault."""
GROWTH_BYTES = 64_000_000
"""What a process may grow by from the first thousand cases to the last; a leak of 1 kB a case is more."""


@pytest.fixture(scope="module")
def server(fast_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("fuzz")
    settings = [f"max_length = {texts.BOUND}", 'too_long = "refuse"']
    words = build(
        texts.write_source(directory / "words", texts.PROBES, settings=settings), directory / "models"
    )
    sums = build(numbers.write_source(directory / "numbers"), directory / "models")
    more = [
        {"name": "tiny", "path": words[0].directory, "threads": 1},
        {"name": "sums", "path": sums[0].directory, "backend": "numeric"},
    ]
    limits = {"body_bytes": 200_000, "pixels": 1_000_000}
    config = write_config(directory / "hotpath.toml", fast_model, more=more, limits=limits)
    with serving(config) as running:
        children = running.children("")
        yield running
        # None of its processes has died, every place came back, and it still answers.
        assert running.children("") == children
        until(lambda: running.metric("hotpath_slots_in_use") == 0)
        assert running.predict(picture("red")).json()["label"] == "red"
        assert not [line for line in running.log if "Traceback" in line or "unexpected error" in line]


def memory(server: Server) -> Dict[int, int]:
    """Resident bytes of each child."""
    page = os.sysconf("SC_PAGE_SIZE")
    return {pid: int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page for pid in server.children("")}


@pytest.fixture(scope="module", autouse=True)
def no_leak(server: Server) -> Iterator[None]:
    image = {"content": picture("red"), "headers": {"content-type": "image/png"}}
    with httpx.Client() as client:
        for _ in range(200):  # arenas, caches and code that is loaded on demand
            client.post(f"{server.url}/predict", **image)  # type: ignore[arg-type]
    before = memory(server)
    yield
    grown = {pid: after - before[pid] for pid, after in memory(server).items()}
    assert max(grown.values()) < GROWTH_BYTES, grown


def operations(server: Server) -> List[Any]:
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    found: List[Any] = list(schema.get_all_operations())
    return [operation.ok() for operation in found]


def test_cases_from_the_description(server: Server) -> None:
    versions = {
        name: asking.get(f"{server.url}/v2/models/{name}").json()["versions"][0]
        for name in ("colours", "tiny", "sums")
    }
    tested = [operation for operation in operations(server)]
    assert len(tested) >= 15
    for operation in tested:
        _run(operation, versions)


def _run(operation: Any, versions: Dict[str, str]) -> None:
    # Requests with a body have most to be got wrong.
    cases = 40 if operation.body else 10

    @fuzz(cases)
    @given(sent=operation.as_strategy(), known=st.integers(0, 4), model=st.sampled_from(sorted(versions)))
    def run(sent: Any, known: int, model: str) -> None:
        case(f"{operation.label}")
        if known and sent.path_parameters:  # else nearly every name is unknown
            for name, value in (("name", model), ("version", versions[model])):
                if name in sent.path_parameters:
                    sent.path_parameters[name] = value
        answer = sent.call()
        # Bytes that fit the description need not be an image.
        excluded = [positive_data_acceptance]
        if answer.status_code in BUSY:
            excluded.append(not_a_server_error)
        sent.validate_response(answer, excluded_checks=excluded)
        assert answer.headers["x-request-id"]

    run()


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "Content-Type",
                "Content-Encoding",
                "Content-Length",
                "Inference-Header-Content-Length",
                "X-Request-Id",
                "Traceparent",
                "Authorization",
                "Expect",
                "Accept",
            ]
        ),
        st.one_of(
            st.sampled_from(
                [
                    "image/png",
                    "multipart/form-data; boundary=b",
                    "multipart/form-data",
                    "application/json",
                    "application/json",
                    "text/plain",
                    "gzip",
                    "deflate",
                    "0",
                    "7",
                    "100-continue",
                    "Bearer x",
                ]
            ),
            st.text(
                st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30
            ),
        ),
    ),
    max_size=5,
)
PATHS = st.one_of(
    st.sampled_from(
        [
            "/predict",
            "/predict?model=",
            "/predict?model=%00",
            "/v2/models/colours/infer",
            "/models/colours/predict",
            "/models/tiny/predict",
            "/models/sums/predict",
            "/v2/models/tiny/infer",
            "/v2/models/sums/infer",
            "/v1/embeddings",
            "/v1/rerank",
            "/v1/models",
            "/v2",
        ]
    ),
    st.text("/%.v2models?=&é0abc", max_size=20).map(lambda text: "/" + text.replace("é", "%C3%A9")),
)
SEEDS = [
    picture("red"),
    b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n',
    b'{"inputs": []}',
    b'{"inputs": ["a dog", "dogs"]}',
    b'{"inputs": {"a": [1, 2], "b": [3, 1]}}',
    b'{"model": "tiny", "input": ["a dog", "dogs"], "encoding_format": "base64"}',
    b'{"query": "a dog", "documents": ["good film", {"text": "dogs"}], "return_documents": true}',
    b'{"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["a dog"]}]}',
    b"",
]


def spoilt(draw: Any) -> bytes:
    body = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 4))):
        if body:
            body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    return bytes(body[: draw(st.integers(0, len(body)))] if draw(st.booleans()) else body)


@fuzz(150)
@given(
    data=st.data(),
    path=PATHS,
    headers=HEADERS,
    method=st.sampled_from(["POST", "POST", "GET", "PUT", "HEAD", "OPTIONS"]),
)
def test_broken_requests(
    server: Server, data: st.DataObject, path: str, headers: List[Tuple[str, str]], method: str
) -> None:
    """Well-formed HTTP whose parts do not fit together."""
    case("broken request")
    body = spoilt(data.draw)
    given_length = any(name == "Content-Length" for name, _ in headers)
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=PATIENCE_S)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers:
            if name != "Content-Length":  # a wrong one is a matter of the next test
                connection.putheader(name, value.strip().encode("latin-1"))
        if body or given_length:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        status = connection.getresponse().status
    except (http.client.HTTPException, ValueError) as error:
        assert not isinstance(error, http.client.BadStatusLine) or isinstance(
            error, http.client.RemoteDisconnected
        )
        raise
    finally:
        connection.close()
    assert status < 500 or status in BUSY


WHOLE = b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n" % len(
    picture("red")
) + picture("red")


@fuzz(100)
@given(data=st.data())
def test_broken_http(server: Server, data: st.DataObject) -> None:
    """Bytes on the wire that are no HTTP any more, or end anywhere; whatever is answered is no 5xx."""
    case("broken HTTP")
    sent = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(0, 4))):
        sent[data.draw(st.integers(0, len(sent) - 1))] = data.draw(st.integers(0, 255))
    del sent[data.draw(st.integers(1, len(sent))) :]
    address = urlsplit(server.url)
    with socket.create_connection((str(address.hostname), address.port), PATIENCE_S) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while True:
                chunk = connection.recv(65536)
                if not chunk:
                    break
                answer += chunk
        except ConnectionResetError:
            pass
    statuses = [line.split()[1] for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert not [status for status in statuses if status.startswith(b"5") and int(status) not in BUSY]


def fits(ask: Ask, answer: Answer) -> bool:
    """Whether this is what the service says to a request whose body has no type."""
    if ask.path in ("/nowhere", "/goodbye"):
        return answer.status == 404
    if ask.path == "/livez":
        return answer.status == (200 if ask.method in ("GET", "HEAD") else 405)
    refused = 415 if ask.path == "/predict" else 400
    return answer.status == (refused if ask.method == "POST" else 405)


@fuzz(40)
@given(story=stories(st.sampled_from(["/livez", "/nowhere", "/predict", "/v2/models/colours/infer"])))
def test_sequences_of_requests(server: Server, story: Story) -> None:
    """Several requests on one connection, as in test_sequences.py, past every layer of the service."""
    case("sequence of requests")
    address = urlsplit(server.url)

    async def run() -> None:
        end = socket.create_connection((str(address.hostname), int(address.port or 0)), PATIENCE_S)
        end.setblocking(False)
        client = Client(end)
        try:
            judge(story, await converse(client, story), fits)
        finally:
            client.close()

    play(run())
