"""Compressed bodies, within bounds, and codings that are refused by their names."""

from __future__ import annotations

import gzip
import zlib
from typing import List, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from hotpath.http.body import Packed
from hotpath.http.compression import coding_of, decompress
from hotpath.http.errors import Problem


def coding(*values: str) -> Optional[str]:
    return coding_of(Headers(raw=[(b"content-encoding", value.encode()) for value in values]))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        ([""], None),
        (["identity"], None),
        (["Identity, identity"], None),
        (["gzip"], "gzip"),
        ([" GZip "], "gzip"),
        (["x-gzip"], "gzip"),
        (["deflate"], "deflate"),
        (["identity, deflate,"], "deflate"),
    ],
)
def test_a_coding_is_known_by_its_names(values: List[str], expected: Optional[str]) -> None:
    assert coding(*values) == expected


@pytest.mark.parametrize(
    "values",
    [
        ["br"],
        ["zstd"],
        ["compress"],
        ["aws-chunked"],
        ["gzip, gzip"],
        ["gzip", "deflate"],
        ["gzip;q=1"],
        ["*"],
    ],
)
def test_other_codings_are_refused_by_name_with_those_that_are_taken(values: List[str]) -> None:
    with pytest.raises(Problem) as refused:
        coding(*values)
    assert (refused.value.status, refused.value.code) == (415, "unsupported_content_encoding")
    assert repr(", ".join(values)) in refused.value.message
    assert refused.value.headers == {"Accept-Encoding": "gzip, deflate"}


@given(st.binary(max_size=500))
def test_bodies_unfold_to_what_they_were(body: bytes) -> None:
    assert decompress(gzip.compress(body), "gzip", 500, 500) == body
    assert decompress(zlib.compress(body), "deflate", 500, 500) == body


def test_what_unfolds_beyond_the_limit_is_refused_before_it_does() -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    with pytest.raises(Problem, match="larger than 1000 bytes") as caught:
        decompress(bomb, "gzip", 1200, 1000)
    assert caught.value.status == 413
    for boundary in (None, b"b"):
        with pytest.raises(Problem, match="larger than 1000 bytes"):
            Packed(bomb, "gzip", boundary, 1000).unpack()


@pytest.mark.parametrize(
    ("body", "name", "words"),
    [
        (b"hello", "gzip", "gzip stream can't be decompressed"),
        (b"hello", "deflate", "deflate stream can't be decompressed"),
        (zlib.compress(b"hello")[2:-4], "deflate", "deflate stream can't be decompressed"),
        (gzip.compress(b"hello")[:-1], "gzip", "gzip stream ends too early"),
        (gzip.compress(b"hello") + b"x", "gzip", "followed by 1 further bytes"),
        (b"", "gzip", "gzip stream ends too early"),
    ],
)
def test_streams_that_are_none_are_named(body: bytes, name: str, words: str) -> None:
    with pytest.raises(Problem) as caught:
        decompress(body, name, 1000, 1000)
    assert caught.value.status == 400 and words in caught.value.message
    assert ("zlib's format" in caught.value.remedy) == (name == "deflate")


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate"]))
def test_random_streams_are_a_400_and_nothing_else(body: bytes, name: str) -> None:
    with pytest.raises(Problem) as caught:
        decompress(body, name, 1000, 1000)
    assert caught.value.status == 400


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_a_form_is_taken_apart_once_it_is_unpacked(compress: object) -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nimage\r\n--b--\r\n'
    name = "gzip" if compress is gzip.compress else "deflate"
    packed = Packed(compress(form), name, b"b", 5)  # type: ignore[operator]
    assert packed.unpack() == b"image" and len(packed) == len(packed.body)
