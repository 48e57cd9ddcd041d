"""Methods that answer one message with one: judged by its head, received when there is room, answered."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn, Optional

import grpc.aio

from hotpath.http.grpc.calls import Call
from hotpath.http.grpc.codes import code_of, details_of, metadata_of
from hotpath.http.grpc.ending import Ending
from hotpath.http.grpc.intake import Intake
from hotpath.http.grpc.reading import parse
from hotpath.http.grpc.servicer import Answer
from hotpath.http.keys import KeyFile
from hotpath.http.observed import CLIENT_GONE, Ledger
from hotpath.http.v2.problems import invalid


class Unary:
    """Answers the calls of one worker."""

    def __init__(self, ledger: Ledger, keys: Optional[KeyFile], intake: Intake, ending: Ending) -> None:
        self._ledger = ledger
        self._keys = keys
        self._intake = intake
        self._ending = ending

    def handler(self, method: str, kind: Any, answer: Answer) -> Any:
        """What grpc calls for a method.

        To grpc the request is a stream, because of a stream each message is waited for only when it is asked
        for; a client that sends one message sees no difference.
        """

        async def handle(_: Any, context: Any) -> bytes:
            with self._ending.at_work():
                return await self._answer(
                    Call(method, context, self._ledger, self._ending), context, kind, answer
                )

        return grpc.stream_unary_rpc_method_handler(handle)

    async def _answer(self, call: Call, context: Any, kind: Any, answer: Answer) -> bytes:
        try:
            call.check(self._keys)
            content = await self._received(context, kind)
            call.record.body_is_in(len(content))
            found: bytes = (await answer(call, parse(kind, content))).SerializeToString()
            context.set_trailing_metadata(tuple(call.answered()))
            return found
        except (Exception, asyncio.CancelledError) as error:
            await refuse(call, context, error)
        finally:
            call.over()

    async def _received(self, context: Any, kind: Any) -> bytes:
        """A message; empty where nothing of it would be read, so that health waits for nobody's room."""
        if kind is None or not kind.DESCRIPTOR.fields:
            return b""
        content = await self._intake.receive(context.read)
        if content is grpc.aio.EOF:  # also where grpc itself has refused the message as too large
            raise invalid("No message came.", "Send one, no larger than limits.body_bytes.")
        received: bytes = content
        return received


async def refuse(call: Call, context: Any, error: BaseException) -> NoReturn:
    """End a call with what is told of a failure: by an exception, which grpc understands."""
    problem, told = call.refused(error)
    if problem.status == CLIENT_GONE:
        raise asyncio.CancelledError
    await context.abort(code_of(problem), details_of(problem), (*told, *metadata_of(problem)))
    raise AssertionError("abort() raises")
