"""The field is found in whatever way its form is written."""

from __future__ import annotations

import re
from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.http.errors import Problem
from hotpath.http.multipart import MOST_HEADER_BYTES, MOST_LINES, boundary_of, file_of

BOUNDARY = b"----x"


def body(*parts: tuple[str, bytes]) -> bytes:
    lines = [
        b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + data
        for name, data in parts
    ]
    return b"\r\n".join([*lines, b"--" + BOUNDARY + b"--\r\n"])


HEADERS = b'Content-Disposition: form-data; name="file"\r\n\r\n'
PART = b"\r\n------x\r\n" + HEADERS
END = b"\r\n------x--\r\n"


@given(st.binary(max_size=200))
def test_any_content_is_read_exactly(content: bytes) -> None:
    assert file_of(body(("note", b"x"), ("file", content), ("last", b"y")), BOUNDARY) == content


PIECES = st.sampled_from([b"\r", b"\n", b"\r\n", b"--", b"----x", b"-", b" ", b"x", b"\t"])


@given(st.lists(PIECES, max_size=12))
def test_content_that_looks_like_a_boundary_is_read_exactly(pieces: List[bytes]) -> None:
    content = b"".join(pieces)
    if not re.search(rb"\r\n------x(--|[ \t]*\r?\n)", b"\r\n" + content + b"\r\n"):
        assert file_of(PART[2:] + content + END, BOUNDARY) == content


@given(st.binary(max_size=300))
def test_random_bytes_are_a_400_and_nothing_else(data: bytes) -> None:
    for whole in (data, PART[2:] + data, PART + data + END):
        try:
            file_of(whole, BOUNDARY)
        except Problem as problem:
            assert problem.status == 400


FOLDED = b'Content-Disposition: form-data;\r\n\tfilename="a.jpg";\r\n  name="file"\r\n\r\n'
NEXT = b"\r\n------x"


@pytest.mark.parametrize(
    "whole",
    [
        PART[2:] + b"x" + END,
        PART + b"x" + END,
        b"This is a preamble.\r\nIt is ignored." + PART + b"x" + END,
        b"preamble\n------xy\r\n------y\r\n" + PART + b"x" + END,
        PART[2:] + b"x" + END + b"an epilogue, and a boundary in it:" + PART + b"y" + END,
        PART[2:] + b"x" + END[:-2],
        PART[2:] + b"x" + END[:-2] + b" \t ",
        PART[2:] + b"x" + END[:-2] + b"  \r\nepilogue",
        b"------x  \t\r\n" + HEADERS + b"x" + END,
        b"------x\r\n" + HEADERS + b"x" + NEXT + b" \r\nA: b\r\n\r\ny" + END,
        b"------x\r\n" + FOLDED + b"x" + END,
        b"------x\r\nX-Long: a\r\n b\r\n\tc\r\n" + HEADERS + b"x" + END,
        b"------x\r\n\r\nno headers" + PART + b"x" + END,
        b"------x\r\n\r\n" + PART[2:] + b"x" + END,
        b"------x\r\nA: b\r\n" + PART + b"x" + END,
        b"------x\r\nContent-Disposition:form-data;name=file\r\n\r\nx" + END,
        b"------x\r\ncontent-disposition : form-data; NAME=file\r\n\r\nx" + END,
        b'------x\r\nContent-Disposition: form-data; filename="a;b\\"c.jpg"; name="file"\r\n\r\nx' + END,
        b"------x\r\nContent-Transfer-Encoding: Binary\r\n" + HEADERS + b"x" + END,
        b'------x\r\nContent-Disposition: form-data; name="note"\r\n\r\n' + b"n" * 2**20 + PART + b"x" + END,
        (PART[2:] + b"x" + END).replace(b"\r\n", b"\n"),
        (b"a preamble\r\n" + PART + b"x" + END + b"epilogue").replace(b"\r\n", b"\n"),
    ],
)
def test_a_form_may_be_written_in_many_ways(whole: bytes) -> None:
    assert file_of(whole, BOUNDARY) == b"x"


def test_of_lines_that_end_with_lf_alone_a_cr_is_content() -> None:
    whole = (PART[2:] + b"x" + END).replace(b"\r\n", b"\n").replace(b"x\n------x--", b"a\r\n\r\n------x--")
    assert file_of(whole, BOUNDARY) == b"a\r\n\r"


@pytest.mark.parametrize(
    ("whole", "code", "words"),
    [
        (b"", "malformed_multipart", "ends before its closing boundary"),
        (b"x", "malformed_multipart", "ends before its closing boundary"),
        (PART + b"x", "malformed_multipart", "ends before its closing boundary"),
        (PART + b"x\r\n------x", "malformed_multipart", "ends before its closing boundary"),
        (PART + b"x\r\n------x ", "malformed_multipart", "ends before its closing boundary"),
        (PART + b"x------x--", "malformed_multipart", "ends before its closing boundary"),
        (b"------x\r\nA: b" + PART + b"x" + END, "malformed_multipart", "no empty line behind its headers"),
        (b"------x" + END, "malformed_multipart", "no empty line behind its headers"),
        (b"------x\r\nno header\r\n\r\nx" + END, "malformed_multipart", "'no header', which is none"),
        (b"------x\r\n: b\r\n\r\nx" + END, "malformed_multipart", "which is none"),
        (END, "missing_field", "its fields are: none"),
        (body(("note", b"x"), ("File", b"y")), "missing_field", "its fields are: 'note', 'File'"),
        (b"------x\r\n\r\nx" + END, "missing_field", "its fields are: ''"),
        (body(("file", b"x"), ("file", b"y")), "repeated_field", "has 2 fields named 'file'"),
        (body(("file", b"x"), ("n", b""), ("file", b"")), "repeated_field", "has 2 fields named 'file'"),
        (body(*[("file", b"x")] * 20), "repeated_field", "has 20 fields named 'file'"),
        (
            b"------x\r\nContent-Transfer-Encoding: base64\r\n" + HEADERS + b"eA==" + END,
            "unsupported_transfer_encoding",
            "the Content-Transfer-Encoding 'base64'",
        ),
        (b"------x\r\n\r\n" + b"\r\n------x\r\n\r\n" * MOST_LINES + END, "malformed_multipart", "1000 lines"),
        (b"\r\n------xy" * MOST_LINES + PART + b"x" + END, "malformed_multipart", "1000 lines"),
    ],
)
def test_what_is_wrong_with_a_form_is_named(whole: bytes, code: str, words: str) -> None:
    with pytest.raises(Problem) as told:
        file_of(whole, BOUNDARY)
    assert told.value.code == code and words in told.value.message
    assert ("/v2/models" in told.value.remedy) == (code == "repeated_field")


@pytest.mark.parametrize(
    ("value", "boundary"),
    [
        ("boundary=abc", b"abc"),
        ('boundary="a b:c"', b"a b:c"),
        ("Boundary=abc; charset=utf-8", b"abc"),
        ('charset=utf-8; boundary="=_?()+,./:"', b"=_?()+,./:"),
        ("boundary=" + "x" * 70, b"x" * 70),
    ],
)
def test_every_boundary_that_may_be_is_taken(value: str, boundary: bytes) -> None:
    assert boundary_of(f"multipart/form-data; {value}") == boundary
    whole = (PART + b"x" + END).replace(b"----x", boundary)
    assert file_of(whole, boundary) == b"x"


@pytest.mark.parametrize("line", [b"\r\n--b\t", b"\r\n--bb", b"\r", b"\n", b"\r\n--", b"A: b\r\n "])
@pytest.mark.parametrize(
    "start", [b"", b"--b\r\n", b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n']
)
def test_no_body_takes_longer_than_its_length_is_worth(start: bytes, line: bytes) -> None:
    """Twenty megabytes of each would take hours where every piece cost as much as all the others."""
    whole = start + line * (20_000_000 // len(line))
    with pytest.raises(Problem):
        file_of(whole, b"b")


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
    try:
        assert file_of(with_disposition(b'form-data; name="file"; ' + odd), BOUNDARY) == b"x"
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
        file_of(with_disposition(b"form-data" + b";" * MOST_HEADER_BYTES), BOUNDARY)
    assert told.value.code == "malformed_multipart"


def test_the_headers_of_all_parts_are_bounded() -> None:
    names = ["x" * 100] * (MOST_HEADER_BYTES // 100)
    with pytest.raises(Problem, match=f"exceed {MOST_HEADER_BYTES} bytes") as told:
        file_of(body(*((name, b"") for name in names)), BOUNDARY)
    assert told.value.code == "malformed_multipart"


def test_a_content_type_is_bounded() -> None:
    with pytest.raises(Problem, match="1024"):
        boundary_of("multipart/form-data; boundary=b" + ";" * 1024)
