"""What is encoded is what arrives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.core import Outcome
from hotpath.ipc.channel import PART
from hotpath.ipc.messages import (
    Attach,
    Cancel,
    Hello,
    Message,
    Result,
    Standing,
    Status,
    Submit,
    decode,
    encode,
)
from hotpath.scheduler.entries import FIRST, LAST

numbers = st.integers(0, 2**32 - 1)
requests = st.integers(0, 2**64 - 1)
seconds = st.floats(0, 1e9)
answers = st.none() | st.binary(min_size=1, max_size=64) | st.just(b"\0\xff" * 100_000)
outcomes = st.builds(Outcome, st.sampled_from(Status), answers, st.integers(0, 65535), seconds, seconds)
messages = st.one_of(
    st.builds(Attach, numbers),
    st.builds(Hello, numbers),
    st.builds(Cancel, numbers, numbers, requests),
    st.builds(
        Submit,
        numbers,
        numbers,
        requests,
        numbers,
        seconds,
        seconds,
        st.integers(FIRST, LAST),
        st.sampled_from(Standing),
        numbers,
        seconds,
    ),
    st.builds(Result, numbers, requests, outcomes),
)


@given(messages)
def test_decoding_undoes_encoding_and_no_message_looks_like_a_part(message: Message) -> None:
    data = encode(message)
    assert data[0] != PART
    assert decode(data) == message


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="99"):
        decode(b"\x63abc")
