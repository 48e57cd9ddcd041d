"""ModelStreamInfer: requests one behind another in one call, each answered as soon as its answer is there."""

from __future__ import annotations

import asyncio
from typing import Any, Awaitable, Callable, Optional, Set

import grpc.aio

from hotpath.http.errors import Problem
from hotpath.http.grpc.calls import Call
from hotpath.http.grpc.codes import details_of
from hotpath.http.grpc.ending import Ending
from hotpath.http.grpc.messages import message
from hotpath.http.grpc.reading import InferRequest, parse
from hotpath.http.grpc.servicer import Answer
from hotpath.http.grpc.unary import refuse
from hotpath.http.keys import KeyFile
from hotpath.http.observed import CUT_OFF, Ledger

METHOD = "ModelStreamInfer"
StreamResponse = message("ModelStreamInferResponse")


class Streaming:
    """Answers the streams of one worker. Belongs to its event loop."""

    def __init__(
        self,
        infer: Answer,
        ledger: Ledger,
        keys: Optional[KeyFile],
        ending: Ending,
        most_streams: int,
        most_requests: int,
    ) -> None:
        """`most_requests` of one stream are at work at once; the next waits until one of them is done."""
        self._infer = infer
        self._ledger = ledger
        self._keys = keys
        self._ending = ending
        self._most_streams = most_streams
        self._most_requests = most_requests
        self._streams = 0

    def handler(self) -> Any:
        """What grpc calls."""

        async def handle(_: Any, context: Any) -> None:
            with self._ending.at_work():
                await self._admit(context)
                self._streams += 1
                try:
                    await self._serve(context)
                finally:
                    self._streams -= 1

        return grpc.stream_stream_rpc_method_handler(handle)

    async def _admit(self, context: Any) -> None:
        call = Call(METHOD, context, self._ledger, self._ending)
        try:
            call.check(self._keys)
            if self._streams >= self._most_streams:
                raise Problem(
                    429,
                    "busy",
                    f"{self._streams} streams are open here, as many as may be.",
                    "Try again, or send single requests; limits.transit_bytes and body_bytes set how many.",
                    {"Retry-After": "1"},
                )
        except Problem as problem:
            await _end(call, context, problem)

    async def _serve(self, context: Any) -> None:
        async def answer(content: bytes) -> Any:
            return await self._answer(Call(METHOD, context, self._ledger, self._ending), content)

        whole = False
        try:
            whole = await _Stream(context, answer, self._most_requests, self._ending.begun).serve()
        except asyncio.CancelledError:
            if not self._ending.cut_off:
                raise
        if not whole:
            await _end(Call(METHOD, context, self._ledger, self._ending), context, CUT_OFF)

    async def _answer(self, call: Call, content: bytes) -> Any:
        """The ModelStreamInferResponse to one message, which is judged and recorded like any request."""
        id = ""
        try:
            call.record.body_is_in(len(content))
            call.check(self._keys)
            request = parse(InferRequest, content)
            id = request.id
            found = StreamResponse(infer_response=await self._infer(call, request))
            call.answered()
            return found
        except (Exception, asyncio.CancelledError) as error:
            problem, _ = call.refused(error)
            if isinstance(error, asyncio.CancelledError) and not self._ending.cut_off:
                raise
            return StreamResponse(error_message=details_of(problem), infer_response={"id": id})
        finally:
            call.over()


class _Stream:
    """One call."""

    def __init__(
        self, context: Any, answer: Callable[[bytes], Awaitable[Any]], most: int, ended: asyncio.Event
    ) -> None:
        self._context = context
        self._answer = answer
        self._most = most
        self._ended = ended
        self._at_work: Set[asyncio.Future[Any]] = set()
        self._writing = asyncio.Lock()

    async def serve(self) -> bool:
        """Until the client sends nothing more, or the worker ends; whether it was the client.

        What was sent is answered.
        """
        try:
            while True:
                content = await self._next()
                if content is None or content is grpc.aio.EOF:
                    break
                self._at_work.add(asyncio.ensure_future(self._reply(content)))
                if len(self._at_work) >= self._most:
                    await self._wait(asyncio.FIRST_COMPLETED)
            await self._wait(asyncio.ALL_COMPLETED)
            return content is not None
        finally:
            for task in self._at_work:
                task.cancel()
            await asyncio.gather(*self._at_work, return_exceptions=True)

    async def _next(self) -> Any:
        """The next message, or EOF; None where none is taken any more."""
        reading = asyncio.ensure_future(self._context.read())
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait([reading, ended], return_when=asyncio.FIRST_COMPLETED)
            return reading.result() if reading.done() else None
        finally:
            reading.cancel()
            ended.cancel()

    async def _reply(self, content: bytes) -> None:
        found = (await self._answer(content)).SerializeToString()
        async with self._writing:
            await self._context.write(found)

    async def _wait(self, until: str) -> None:
        if self._at_work:
            done, self._at_work = await asyncio.wait(self._at_work, return_when=until)
            for task in done:
                task.result()


async def _end(call: Call, context: Any, problem: Problem) -> None:
    try:
        await refuse(call, context, problem)
    finally:
        call.over()
