"""Ids of requests: the client's where it is sane, else one of the worker's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.observing.ids import RequestIds


@pytest.mark.parametrize("given_id", ["7", "req-1", "a/b:c=d@e~f", "2f" * 64, "01HF.A_b+c"])
def test_a_sane_id_is_taken_over(given_id: str) -> None:
    assert RequestIds().of(given_id.encode()) == given_id


@pytest.mark.parametrize(
    "given_id", [b"", b" ", b"a b", b"x\r\ny", b"a" * 129, b'"', b"{}", b"\xe9", b"-x", b"a\x00", b"a\n"]
)
def test_any_other_is_replaced(given_id: bytes) -> None:
    made = RequestIds().of(given_id)
    assert made.encode() != given_id and RequestIds().of(made.encode()) == made


def test_no_two_are_alike_in_or_between_processes() -> None:
    processes = [RequestIds() for _ in range(4)]
    assert len({ids.of(b"") for ids in processes for _ in range(100)}) == 400


@given(st.binary(max_size=200))
def test_whatever_came_the_id_is_printable_ascii_of_bounded_length(given_id: bytes) -> None:
    made = RequestIds().of(given_id)
    assert made.isascii() and made.isprintable() and " " not in made and 1 <= len(made) <= 128
