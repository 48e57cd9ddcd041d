"""A request that its worker's end cuts off has an answer where there is still time for one."""

from __future__ import annotations

import asyncio
from typing import List, Tuple

import pytest
from starlette.types import Message, Receive, Scope, Send
from support.application import application, ask

from hotpath.http.observed import Observed
from hotpath.metrics.table import Table
from hotpath.observing.record import Record

START: Message = {"type": "http.response.start", "status": 200, "headers": []}


@pytest.mark.parametrize("begun", [False, True])
def test_a_request_that_is_cut_off_is_answered_unless_its_answer_has_begun(begun: bool) -> None:
    sent: List[Message] = []
    observed: List[Record] = []
    table = Table(1, [], 1, ["m"])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if begun:
            await send(START)
        await asyncio.Event().wait()

    async def receive() -> Message:
        raise AssertionError("nothing is awaited any more")

    async def send(message: Message) -> None:
        sent.append(message)

    async def play() -> bool:
        scope = {"type": "http", "method": "GET", "scheme": "http", "path": "/v2", "headers": []}
        request = asyncio.ensure_future(
            Observed(app, table.workers[0], [observed.append])(scope, receive, send)
        )
        await asyncio.sleep(0)
        request.cancel()
        await asyncio.wait([request])
        return request.cancelled()

    assert asyncio.run(play()) is begun
    assert [message["type"] for message in sent] == [
        "http.response.start",
        *([] if begun else ["http.response.body"]),
    ]
    assert sent[0]["status"] == (200 if begun else 503)
    (record,) = observed
    assert (record.status, record.error) == ((200, "") if begun else (503, "shutting_down"))


TRACE, OTHER = f"00-{'a' * 32}-{'b' * 16}-01", f"00-{'c' * 32}-{'b' * 16}-01"


def observed_of(*headers: Tuple[str, str]) -> Record:
    """The record of a request with these headers."""
    records: List[Record] = []
    ask(application(observers=[records.append]), "GET", "/livez", headers)
    return records[0]


def test_a_list_that_comes_in_several_fields_is_one_list() -> None:
    record = observed_of(("traceparent", TRACE), ("tracestate", "one=1,two=2"), ("TraceState", "three=3"))
    assert (record.traceparent, record.tracestate) == (TRACE, "one=1,two=2,three=3")


def test_of_a_field_that_may_come_once_different_values_are_none() -> None:
    twice = observed_of(
        ("traceparent", TRACE), ("traceparent", OTHER), ("x-request-id", "a"), ("x-request-id", "b")
    )
    assert twice.traceparent == "" and twice.id not in ("a", "b", "a,b")
    same = observed_of(
        ("traceparent", TRACE), ("traceparent", TRACE), ("x-request-id", "a"), ("x-request-id", "a")
    )
    assert (same.traceparent, same.id) == (TRACE, "a")
