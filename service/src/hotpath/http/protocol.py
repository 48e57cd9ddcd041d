"""A client's connection: uvicorn's protocol, with bounds on what is not a request yet.

uvicorn parses a head of any size, waits for one for ever once a byte of it has come, and knows only the
newest of several requests that a client sent without awaiting an answer.
"""

from __future__ import annotations

import asyncio
from typing import List, Optional, cast

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from hotpath.http.errors import Problem
from hotpath.http.joined import JoinedWrites
from hotpath.http.uploads import Upload, upload_of

MOST_HEAD_BYTES = 65_536
"""Of a request's line and headers, and of what may follow its body (trailers)."""
LINGER_S = 2.0
"""How long what a refused client still sends is dropped: a connection that is closed on unread data is reset,
and the client finds that instead of the answer."""

_TOO_LARGE = Problem(
    431,
    "head_too_large",
    f"The request's line and headers have more than {MOST_HEAD_BYTES} bytes.",
    "Send fewer or shorter headers; the image belongs in the body.",
)
_MALFORMED = Problem(
    400,
    "malformed_request",
    "What arrived is not HTTP/1.1.",
    "Let an HTTP library make the request, and see that nothing on the way changes it.",
)


class Protocol(HttpToolsProtocol):
    """One connection.

    It is closed when no whole head of a request comes within `timeout_keep_alive` seconds of its start, its
    last answer, or the first byte of that head.
    """

    # uvicorn's attributes come close to the number up to which Python looks them up fast.
    __slots__ = ("_earlier", "_head_timer", "_refused", "_unparsed")

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast("asyncio.Transport", JoinedWrites(transport)))
        self.url = b""
        self._unparsed = 0
        """Bytes since the last whole head, or the last piece of a body."""
        self._earlier: List[RequestResponseCycle] = []
        """Of pipelined requests those before the newest; what is answered leaves with the next one."""
        self._refused = False
        self._head_timer: Optional[asyncio.TimerHandle] = None
        self._await_head(self.timeout_keep_alive)

    @override
    def connection_lost(self, exc: Optional[Exception]) -> None:
        super().connection_lost(exc)
        self._stop_awaiting_head()
        for cycle in self._earlier:
            if not cycle.response_complete:
                _disconnect(cycle)

    @override
    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._unparsed += len(data)
        super().data_received(data)
        if self._unparsed > MOST_HEAD_BYTES:
            self._refuse(_TOO_LARGE)
        elif self._head_timer is None and (self.cycle is None or self.cycle.response_complete):
            self._await_head(self.timeout_keep_alive)

    @override
    def on_headers_complete(self) -> None:
        if self._unparsed > MOST_HEAD_BYTES and self._head_bytes() > MOST_HEAD_BYTES:
            self._refuse(_TOO_LARGE)
            raise ValueError("the head is too large")  # ends the parsing
        self._unparsed = 0
        self._stop_awaiting_head()
        before = self.cycle
        super().on_headers_complete()
        if before is not None and not before.response_complete:
            self._earlier = [cycle for cycle in self._earlier if not cycle.response_complete]
            self._earlier.append(before)

    @override
    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        super().on_body(body)

    @override
    def send_400_response(self, msg: str) -> None:
        if not self._refused:
            self._refuse(_MALFORMED)

    @property
    def kept_waiting_s(self) -> float:
        """Seconds for which the service has waited for the client; 0 while it is the client that waits."""
        timer = self._head_timer or self.timeout_keep_alive_task
        if timer is not None:
            return self.timeout_keep_alive - (timer.when() - self.loop.time())
        upload = self._upload
        return 0.0 if upload is None else upload.behind_s

    def give_way(self) -> None:
        """End the connection, whose client keeps the service waiting, for the sake of others."""
        upload = self._upload
        if upload is None:
            self.transport.close()
        else:
            upload.give_way()

    @property
    def _upload(self) -> Optional[Upload]:
        return None if self.cycle is None else upload_of(self.cycle.scope)

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _await_head(self, seconds: float) -> None:
        self._head_timer = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _stop_awaiting_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, problem: Problem) -> None:
        """End the connection on what can't be parsed, once everything before it is answered."""
        self._refused = True
        if self.cycle is not None and not self.cycle.response_complete and self.cycle.more_body:
            self._give_up_newest()
        if self.cycle is None or self.cycle.response_complete or self.cycle.disconnected:
            self._answer(problem)
        else:  # the client would take another answer for the one that it waits for
            self.cycle.keep_alive = False

    def _give_up_newest(self) -> None:
        """Part of the newest request's body is what can't be parsed."""
        if self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
            self.cycle = self._earlier.pop()
        else:
            _disconnect(self.cycle)

    def _answer(self, problem: Problem) -> None:
        if self.transport.is_closing():
            return
        response = problem.response(self.url.decode("latin-1"), "")
        headers = [*self.server_state.default_headers, *response.raw_headers, (b"connection", b"close")]
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        self.transport.write(STATUS_LINE[problem.status] + lines + b"\r\n" + bytes(response.body))
        self.transport.write_eof()
        self._stop_awaiting_head()
        self._await_head(LINGER_S)


def _disconnect(cycle: RequestResponseCycle) -> None:
    """Let the handler of a request know that nobody awaits its answer."""
    cycle.disconnected = True
    cycle.waiting_for_100_continue = False
    cycle.message_event.set()
