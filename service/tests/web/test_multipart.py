"""The field is found however the body is cut into pieces."""

from __future__ import annotations

from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.http.errors import Problem
from hotpath.http.multipart import FieldReader, boundary_of

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
