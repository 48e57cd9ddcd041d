"""What is encoded is what arrives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.core import Outcome, Ranking
from hotpath.ipc.messages import (
    MAX_BYTES,
    MAX_RANKING,
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
scores = st.lists(st.tuples(numbers, st.floats(0, 1, width=32)), min_size=1, max_size=MAX_RANKING)
rankings = st.none() | scores.map(
    lambda pairs: Ranking(tuple(p[0] for p in pairs), tuple(p[1] for p in pairs))
)
outcomes = st.builds(Outcome, st.sampled_from(Status), rankings, st.integers(0, 65535), seconds, seconds)
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
    ),
    st.builds(Result, numbers, requests, outcomes),
)


@given(messages)
def test_decoding_undoes_encoding_and_every_message_fits(message: Message) -> None:
    data = encode(message)
    assert len(data) <= MAX_BYTES
    assert decode(data) == message


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="99"):
        decode(b"\x63abc")
