"""The field is found however the body is cut into pieces."""

from __future__ import annotations

from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.http.errors import Problem
from hotpath.http.multipart import MOST_HEADER_BYTES, FieldReader, boundary_of

BOUNDARY = b"----x"


def body(*parts: tuple[str, bytes]) -> bytes:
    lines = [
        b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + data
        for name, data in parts
    ]
    return b"\r\n".join([*lines, b"--" + BOUNDARY + b"--\r\n"])


@given(st.binary(max_size=200), st.lists(st.integers(1, 400), max_size=8))
def test_any_content_in_any_pieces_is_read_exactly(content: bytes, cuts: List[int]) -> None:
    data = body(("note", b"x"), ("file", content), ("file", b"a second one"))
    reader = FieldReader(BOUNDARY)
    edges = sorted({0, *(cut for cut in cuts if cut < len(data)), len(data)})
    for start, end in zip(edges, edges[1:]):
        reader.feed(data[start:end])
    assert reader.finish() == content


@given(st.binary(max_size=300))
def test_random_bytes_are_a_400_and_nothing_else(data: bytes) -> None:
    reader = FieldReader(BOUNDARY)
    with pytest.raises(Problem) as caught:
        reader.feed(data)
        reader.finish()
    assert caught.value.status == 400


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=" + "x" * 71])
def test_a_content_type_without_a_usable_boundary_is_refused(content_type: str) -> None:
    with pytest.raises(Problem, match="boundary"):
        boundary_of(content_type)


def with_disposition(value: bytes) -> bytes:
    return b"--" + BOUNDARY + b"\r\nContent-Disposition: " + value + b"\r\n\r\nx\r\n--" + BOUNDARY + b"--\r\n"


ODD_PARAMETERS = [b"x*=a; x*0=b", b"x*" + b"1" * 5000 + b"=a", b"x*=nothing''%ff", b"x*0*=%; x*1*=%"]
"""Which some versions of the parser fail on."""


@pytest.mark.parametrize("odd", ODD_PARAMETERS, ids=["mixed", "number", "charset", "escape"])
def test_odd_parameters_are_read_or_refused(odd: bytes) -> None:
    reader = FieldReader(BOUNDARY)
    try:
        reader.feed(with_disposition(b'form-data; name="file"; ' + odd))
        assert reader.finish() == b"x"
    except Problem as problem:
        assert problem.code == "malformed_multipart"
    try:
        assert boundary_of(f"multipart/form-data; boundary=b; {odd.decode()}") == b"b"
    except Problem as problem:
        assert problem.code == "malformed_multipart"


@pytest.mark.parametrize("odd", ODD_PARAMETERS, ids=["mixed", "number", "charset", "escape"])
def test_a_boundary_may_be_odd_too(odd: bytes) -> None:
    with pytest.raises(Problem) as told:
        boundary_of("multipart/form-data; " + odd.decode().replace("x*", "boundary*") + "1" * 80)
    assert told.value.code == "malformed_multipart"


def test_a_long_header_of_a_part_is_refused() -> None:
    with pytest.raises(Problem) as told:
        FieldReader(BOUNDARY).feed(with_disposition(b"form-data" + b";" * MOST_HEADER_BYTES))
    assert told.value.code == "malformed_multipart"


def test_the_headers_of_all_parts_are_bounded() -> None:
    names = ["x" * 100] * (MOST_HEADER_BYTES // 100)
    with pytest.raises(Problem, match=f"exceed {MOST_HEADER_BYTES} bytes") as told:
        FieldReader(BOUNDARY).feed(body(*((name, b"") for name in names)))
    assert told.value.code == "malformed_multipart"


def test_a_content_type_is_bounded() -> None:
    with pytest.raises(Problem, match="1024"):
        boundary_of("multipart/form-data; boundary=b" + ";" * 1024)
