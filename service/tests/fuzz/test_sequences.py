"""Sequences of requests on one connection: as many answers as requests, in order, or the connection ends."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Dict

from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from support.connection import connected, play
from support.conversations import Answer, Ask, Story, converse, judge, stories
from support.fuzzing import case, fuzz

from hotpath.http.errors import Problem, answer
from hotpath.http.observed import Observed
from hotpath.metrics.table import Table

STATUSES: Dict[str, int] = {
    "/whole": 200,  # reads the body, and answers with what it was
    "/late": 200,  # as much, after some turns of the loop
    "/part": 202,  # reads the first piece of the body
    "/early": 403,  # answers without a look at the body
    "/refused": 413,  # answers as every layer refuses, with what is left of the body taken in
    "/goodbye": 200,
}


async def handle(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers as the path says."""
    request = Request(scope, receive)
    path, status = scope["path"], STATUSES.get(scope["path"], 404)
    body = b""
    with contextlib.suppress(ClientDisconnect):
        if path == "/refused":
            response = await answer(request, Problem(status, "refused", "No.", ""))
            await response(scope, receive, send)
            return
        if path == "/late":
            for _ in range(3):
                await asyncio.sleep(0)
        if path == "/part":
            await receive()
        elif path != "/early":
            body = await request.body()
        said = Ask(path, scope["method"], body).told()
        await PlainTextResponse(said, status)(scope, receive, send)


def fits(ask: Ask, given: Answer) -> bool:
    """Whether this is what the handler says to that."""
    if given.status != STATUSES[ask.path]:
        return False
    return given.status != 200 or given.body == (b"" if ask.method == "HEAD" else ask.told())


APP = Observed(handle, Table(1, [], 1, ["colours"]).workers[0])


@fuzz(250)
@given(story=stories(st.sampled_from([path for path in STATUSES if path != "/goodbye"])))
def test_sequences_of_requests(story: Story) -> None:
    case("sequence of requests")

    async def run() -> None:
        async with connected(APP) as client:
            judge(story, await converse(client, story), fits)

    play(run())
