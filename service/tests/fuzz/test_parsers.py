"""Whatever the bytes: parsers give a value or their own refusal, within bounds, never another exception."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.classifying import task_of
from support.colours import picture
from support.fuzzing import case, fuzz, mutated

from hotpath.config import Config, ConfigError, load
from hotpath.http.compression import decompress
from hotpath.http.errors import Problem
from hotpath.http.keys import KeysError, find, read
from hotpath.http.multipart import boundary_of, file_of
from hotpath.http.v2.items import Accepted
from hotpath.http.v2.request import Wanted, understand
from hotpath.observing.ids import RequestIds
from hotpath.observing.tracing import trace_id_of

ACCEPTED = Accepted(task_of((4, 4, 3)), 4)
LIMIT = 100_000


# --- multipart ---------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["file", "other", "", 'q"uote', "é", "file\x00", "x" * 300])
CONTENTS = st.one_of(st.binary(max_size=60), st.sampled_from([b"\r\n--b", b"--b--", b"\r\n\r\n", b"-" * 30]))


def form(parts: List[Any], boundary: bytes = b"b") -> bytes:
    lines = []
    for name, content in parts:
        lines.append(b"--" + boundary + b"\r\n")
        lines.append(
            b'Content-Disposition: form-data; name="' + name.encode("utf-8") + b'"; filename="f"\r\n'
        )
        lines.append(b"Content-Type: image/png\r\n\r\n" + content + b"\r\n")
    return b"".join([*lines, b"--" + boundary + b"--\r\n"])


def read_form(body: bytes) -> Optional[bytes]:
    """The field of a body; None where it was refused."""
    try:
        return file_of(body, b"b")
    except Problem as problem:
        assert problem.status in (400, 415) and problem.message and problem.remedy
        return None


@fuzz(200)
@given(data=st.data(), parts=st.lists(st.tuples(NAMES, CONTENTS), max_size=4))
def test_multipart(data: st.DataObject, parts: List[Any]) -> None:
    case("multipart body")
    body = mutated(form(parts), data.draw)
    found = read_form(body)
    assert found is None or found in body


@fuzz(100)
@given(content=st.binary(max_size=200), around=st.binary(max_size=60))
def test_a_whole_form_gives_back_what_was_put_in(content: bytes, around: bytes) -> None:
    case("multipart body")
    if b"\n--b" not in b"\n" + content + b"\n" + around:
        whole = form([("other", b"x"), ("file", content), ("another", around)])
        assert read_form(around + b"\r\n" + whole + around) == content


@fuzz(100)
@given(
    value=st.one_of(st.text(max_size=100), st.text('multipart/form-data; boundary="=;\\é\x00', max_size=60))
)
def test_content_types(value: str) -> None:
    case("content type")
    try:
        assert 1 <= len(boundary_of(value.encode("utf-8", "replace").decode("latin-1"))) <= 70
    except Problem as problem:
        assert problem.status == 400


# --- Open Inference Protocol -------------------------------------------------------------------------------

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
VALUES = st.one_of(
    JSON,
    st.sampled_from(
        [
            "image",
            "BYTES",
            "UINT8",
            [1],
            [2],
            [1, 4, 4, 3],
            [0],
            [-1],
            [2**64],
            48,
            0,
            -1,
            [[0] * 48],
            ["aGk="],
        ]
    ),
)
KEYS = [
    "id",
    "parameters",
    "inputs",
    "outputs",
    "name",
    "shape",
    "datatype",
    "data",
    "binary_data_size",
    "timeout",
]


def documents(draw: Any) -> Dict[str, Any]:
    """A request that is nearly right: one or two places hold something else."""
    seeds: List[Dict[str, Any]] = [
        {"name": "image", "datatype": "BYTES", "shape": [1], "data": ["aGk="]},
        {"name": "image", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": 12}},
        {"name": "image", "datatype": "UINT8", "shape": [1, 4, 4, 3], "data": [0] * 48},
        {"name": "image", "datatype": "UINT8", "shape": [1, 4, 4, 3], "parameters": {"binary_data_size": 48}},
    ]
    tensor = draw(st.sampled_from(seeds))
    document: Dict[str, Any] = {
        "id": "1",
        "inputs": [dict(tensor)],
        "outputs": [{"name": "scores", "parameters": {"binary_data": True}}],
        "parameters": {"binary_data_output": True, "timeout": 5},
    }
    for _ in range(draw(st.integers(0, 2))):
        place = draw(
            st.sampled_from([document, document["inputs"][0], document["outputs"][0], document["parameters"]])
        )
        place[draw(st.sampled_from(KEYS))] = draw(VALUES)
        if not (
            isinstance(document["inputs"], list)
            and document["inputs"]
            and isinstance(document["inputs"][0], dict)
        ):
            break
        if not (
            isinstance(document["outputs"], list)
            and document["outputs"]
            and isinstance(document["outputs"][0], dict)
        ):
            break
        if not isinstance(document["parameters"], dict):
            break
    return document


def understood(body: bytes, header: Optional[str]) -> Optional[Wanted]:
    try:
        wanted = understand(body, header, ACCEPTED)
    except Problem as problem:
        assert problem.status in (400, 413) and problem.message and problem.remedy
        bytes(problem.response("/v2", "id").body).decode("utf-8")
        return None
    assert 1 <= len(wanted.items) <= ACCEPTED.most and wanted.outputs
    for item in wanted.items:
        assert isinstance(item, bytes) or (item[0].shape == (4, 4, 3) and item[0].dtype == numpy.uint8)
    return wanted


@fuzz(300)
@given(data=st.data(), tail=st.binary(max_size=70))
def test_inference_requests(data: st.DataObject, tail: bytes) -> None:
    case("inference request")
    text = json.dumps(documents(data.draw)).encode()
    if data.draw(st.integers(0, 3)) == 0:
        text = mutated(text, data.draw)
    length = data.draw(
        st.sampled_from([None, str(len(text)), "0", str(len(text) + 1), "-1", " 3", "٣", "9" * 30, ""])
    )
    understood(text + tail, length)


@fuzz(200)
@given(data=st.data(), elements=st.lists(st.binary(max_size=20), min_size=1, max_size=4))
def test_bytes_tensors(data: st.DataObject, elements: List[bytes]) -> None:
    case("BYTES tensor")
    tensor = b"".join(struct.pack("<I", len(item)) + item for item in elements)
    spoilt = mutated(tensor, data.draw, most=2)
    for binary in (tensor, spoilt):
        header = {
            "inputs": [
                {
                    "name": "image",
                    "datatype": "BYTES",
                    "shape": [len(elements)],
                    "parameters": {"binary_data_size": len(binary)},
                }
            ]
        }
        text = json.dumps(header).encode()
        wanted = understood(text + binary, str(len(text)))
        if binary == tensor:
            assert wanted is not None and list(wanted.items) == elements


@fuzz(100)
@given(
    body=st.binary(max_size=300),
    header=st.one_of(st.none(), st.text(max_size=20), st.integers(-9, 400).map(str)),
)
def test_anything_as_an_inference_request(body: bytes, header: Optional[str]) -> None:
    case("inference request")
    understood(body, header)


@fuzz(200)
@given(
    data=st.data(),
    content=st.one_of(st.binary(max_size=300), st.integers(0, 2 * LIMIT).map(lambda size: b"\0" * size)),
    kind=st.sampled_from(["gzip", "deflate"]),
)
def test_compressed_bodies(data: st.DataObject, content: bytes, kind: str) -> None:
    case("compressed body")
    whole = gzip.compress(content) if kind == "gzip" else zlib.compress(content)
    for body in (whole, mutated(whole, data.draw, most=3)):
        try:
            unfolded = decompress(body, kind, LIMIT, LIMIT)
        except Problem as problem:
            assert problem.status in (400, 413)
            assert body != whole or len(content) > LIMIT
        else:
            assert len(unfolded) <= LIMIT and (body != whole or unfolded == content)


# --- headers, keys, configuration --------------------------------------------------------------------------


@fuzz(100)
@given(
    value=st.one_of(
        st.binary(max_size=150),
        st.from_regex(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", fullmatch=True),
    )
)
def test_headers_that_name_a_request(value: bytes) -> None:
    case("request id and traceparent")
    assert RequestIds().of(value).isprintable()
    trace = trace_id_of(value.decode("latin-1"))
    assert trace == "" or (len(trace) == 32 and set(trace) <= set("0123456789abcdef"))


TOML = """\
[server]
port = 8000
workers = 2
log_level = "info"
[limits]
pixels = 1000
request_timeout_s = 1.5
[access_log]
sample = 0.5
[tracing]
endpoint = "http://127.0.0.1:4318/v1/traces"
[[models]]
name = "m"
path = "/m"
devices = ["cpu"]
"""


@fuzz(200)
@given(data=st.data())
def test_configurations(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    case("configuration")
    lines = TOML.splitlines()
    for _ in range(data.draw(st.integers(0, 3))):
        index = data.draw(st.integers(0, len(lines) - 1))
        key = lines[index].partition(" = ")[0]
        value: Any = data.draw(
            st.one_of(st.integers(), st.floats(), st.booleans(), st.text(max_size=8), st.just([]))
        )
        lines[index] = data.draw(
            st.sampled_from([f"{key} = {json.dumps(value)}", "", f"x{lines[index]}", "[models]"])
        )
    text = "\n".join(lines).encode("utf-8", "replace")
    path = tmp_path_factory.getbasetemp() / "fuzzed.toml"
    path.write_bytes(mutated(text, data.draw, most=2) if data.draw(st.booleans()) else text)
    try:
        assert isinstance(load(path), Config)
    except ConfigError as error:
        assert error.problems and all(error.problems)


@fuzz(100)
@given(data=st.data(), token=st.binary(max_size=80))
def test_key_files(data: st.DataObject, token: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    case("keys file")
    secret = "s" * 32
    text = f'[a]\nkey = "{secret}"\nallow = ["predict", "metrics"]\n[b]\nkey = "{"t" * 40}"\n'
    path = Path(tmp_path_factory.getbasetemp()) / "fuzzed-keys.toml"
    path.write_bytes(mutated(text.encode(), data.draw, most=3))
    path.chmod(0o600)
    try:
        keys = read(path)
    except KeysError as error:
        assert secret[:20] not in str(error)
    else:
        found = find(keys, token)
        assert found is None or found.secret == token


def test_a_picture_can_be_sent_in_every_way() -> None:
    """The seeds of the fuzzing are themselves accepted, so that it starts from what reaches the depths."""
    image = picture("red")
    assert read_form(form([("file", image)])) == image
    text = json.dumps(
        {
            "inputs": [
                {
                    "name": "image",
                    "datatype": "BYTES",
                    "shape": [1],
                    "parameters": {"binary_data_size": len(image) + 4},
                }
            ]
        }
    )
    wanted = understood(text.encode() + struct.pack("<I", len(image)) + image, str(len(text)))
    assert wanted is not None and wanted.items == (image,)
