"""A client's connection: uvicorn's protocol, which keeps what is not a request apart from what is one.

uvicorn parses a head of any size, waits for one for ever once a byte of it has come, and knows only the
newest of several requests that a client sent without awaiting an answer. It takes a body for the next request
where another protocol was offered with it, and the next request for a body that its client never sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any, Deque, Optional, Union, cast

import httptools
from typing_extensions import override
from uvicorn.protocols.http.flow_control import CLOSE_HEADER, HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from hotpath.http import framing
from hotpath.http.errors import Problem
from hotpath.http.linger import LingeringEnd
from hotpath.http.timers import Lazy
from hotpath.http.uploads import Upload, body_is_here, upload_of

log = logging.getLogger(__name__)


class State(ServerState):
    """What all connections of a worker share."""

    draining = False
    """Whether the service is about to end: an answer that is given now is the last of its connection."""


class Protocol(HttpToolsProtocol):
    """One connection.

    It is closed when no whole head of a request comes within `timeout_keep_alive` seconds of its start, its
    last answer, or the first byte of that head.
    """

    # uvicorn's attributes come close to the number up to which Python looks them up fast.
    __slots__ = ("_earlier", "_head_timer", "_idle_timer", "_refused", "_unparsed")

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast("asyncio.Transport", LingeringEnd(transport, self._is_client_sending)))
        self.url = b""
        self._unparsed = 0
        """Bytes since the last whole head, or the last piece of a body."""
        self._earlier: Deque[RequestResponseCycle] = deque()
        """Of pipelined requests those before the newest; what is answered leaves with the next one."""
        self._refused = False
        self._idle_timer = Lazy(self.loop, self.timeout_keep_alive, self.timeout_keep_alive_handler)
        self._head_timer: Optional[asyncio.TimerHandle] = None
        self._await_head(self.timeout_keep_alive)

    @override
    def connection_lost(self, exc: Optional[Exception]) -> None:
        super().connection_lost(exc)
        self._stop_awaiting_head()
        self._idle_timer.end()
        for cycle in self._earlier:
            if not cycle.response_complete:
                _disconnect(cycle)

    @override
    def data_received(self, data: bytes) -> None:
        if self._refused or self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        self._unparsed += len(data)
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            self._refuse(framing.refusal(error, self.parser.get_method()))
            return
        if self.cycle is not None and self.cycle.more_body and len(self.cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()  # until what there is has been taken
        if self._unparsed > framing.MOST_HEAD_BYTES:
            self._refuse(framing.too_large())
        elif self.cycle is None or self.cycle.response_complete:
            if self._head_timer is None:
                self._await_head(self.timeout_keep_alive)
        elif self._draining:
            self._end_with_newest()  # of several at once, which are all answered

    def end_soon(self) -> None:
        """Let the answer that its client waits for be the last; one that waits for none stays for another."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._end_with_newest()

    @override
    def shutdown(self) -> None:
        if self.cycle is None:
            self.transport.close()
        else:
            self._end_with_newest()

    @property
    def _draining(self) -> bool:
        return cast("State", self.server_state).draining

    def _parse(self, data: Union[bytes, memoryview]) -> None:
        """Raises HttpParserError."""
        while True:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as offer:
                rest = memoryview(data)[offer.args[0] :]
            # The parser stops behind a head that offers another protocol, and would take what follows for the
            # next request. So another one gets the same head without the offer, and then the rest.
            head = framing.without_offer(self.parser, self.url, self.headers)
            self.parser = framing.parser(self)
            self.parser.feed_data(head)
            data = rest

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"transfer-encoding":
            framing.judge_coding(value)
        elif name == b"expect" and self.headers is self.scope["headers"]:
            self.expect_100_continue = framing.expects_100(value)
        self.headers.append((name, value))

    @override
    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            framing.judge_method(self.parser.get_method())
            return  # the head comes again, without the offer
        if self._unparsed > framing.MOST_HEAD_BYTES and self._head_bytes() > framing.MOST_HEAD_BYTES:
            raise framing.too_large()
        version = self.parser.get_http_version()
        if version != "1.1":
            framing.judge_version(version)
            self.expect_100_continue = False  # which HTTP/1.0 does not know
        self._unparsed = 0
        self._stop_awaiting_head()
        before = self.cycle
        super().on_headers_complete()
        self.headers = []  # for what follows the body: it is no part of the head
        if before is not None and not before.response_complete:
            while self._earlier and self._earlier[0].response_complete:
                self._earlier.popleft()
            self._earlier.append(before)
        if version != "1.1" or not self.parser.should_keep_alive():
            self._end_with_newest()
        elif self.expect_100_continue:  # a client that is refused without a 100 never sends the body
            _tell_the_end(self.cycle)

    @override
    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        if self.expect_100_continue:
            self._await_no_100()
        cycle = self.cycle
        if cycle.response_complete:
            return
        # The first piece as it is: uvicorn would copy it twice.
        cycle.body = cast("Any", cycle.body + body if cycle.body else body)
        cycle.message_event.set()

    @override
    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        if self.expect_100_continue:
            self._await_no_100()
        if self.headers and not self.parser.should_keep_alive():  # as was said behind the body
            self._end_with_newest()
        super().on_message_complete()
        body_is_here(cast("Any", self.cycle.scope))

    @override
    def on_response_complete(self) -> None:
        """As uvicorn's, but for the timer: theirs is one of the loop's for each answer."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self.timeout_keep_alive_task = cast("Any", self._idle_timer.start())

    def _await_no_100(self) -> None:
        """The newest request's body comes, be it that its client was told to send it or did not wait."""
        self.expect_100_continue = False
        self.cycle.waiting_for_100_continue = False
        self.cycle.default_headers = self.server_state.default_headers

    def _end_with_newest(self) -> None:
        """Let the newest request be the last."""
        if self.cycle.response_complete:
            self.transport.close()
        else:
            self.cycle.keep_alive = False
            _tell_the_end(self.cycle)

    def _is_client_sending(self) -> bool:
        return self._refused or (self.cycle is not None and self.cycle.more_body)

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
        log.warning("a connection of %s ends: %s", self.client and self.client[0], problem.message)
        newest = self.cycle
        if newest is not None and newest.more_body and not newest.response_started:
            self._give_up_newest()  # part of its body is what can't be parsed
        elif newest is not None and newest.more_body and newest.response_complete:
            self.transport.close()  # a second answer would be taken for that to the next request
            return
        if self.cycle is None or self.cycle.response_complete or self.cycle.disconnected:
            self._answer(problem)
        else:  # the client would take another answer for the one that it waits for
            self._end_with_newest()

    def _give_up_newest(self) -> None:
        if self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
            self.cycle = self._earlier.pop()
        else:
            _disconnect(self.cycle)

    def _answer(self, problem: Problem) -> None:
        if self.transport.is_closing():
            return
        response = problem.response(self.url.decode("latin-1"), "")
        headers = [*self.server_state.default_headers, *response.raw_headers, CLOSE_HEADER]
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        self.transport.write(STATUS_LINE[problem.status] + lines + b"\r\n" + bytes(response.body))
        self.transport.close()


def _tell_the_end(cycle: RequestResponseCycle) -> None:
    """Let the answer say that it is the connection's last, with which uvicorn closes it."""
    if CLOSE_HEADER not in cycle.default_headers:
        cycle.default_headers = [*cycle.default_headers, CLOSE_HEADER]


def _disconnect(cycle: RequestResponseCycle) -> None:
    """Let the handler of a request know that nobody awaits its answer."""
    cycle.disconnected = True
    cycle.waiting_for_100_continue = False
    cycle.message_event.set()
