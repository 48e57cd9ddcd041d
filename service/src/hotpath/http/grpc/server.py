"""grpc's server as a worker runs it: on a port that all workers share by SO_REUSEPORT."""

from __future__ import annotations

import asyncio
from typing import Any, List, Optional, Sequence, Tuple

import grpc
import grpc.aio

from hotpath.config import Config
from hotpath.http.errors import Problem
from hotpath.http.grpc.calls import Call
from hotpath.http.grpc.ending import Ending
from hotpath.http.grpc.intake import Intake
from hotpath.http.grpc.messages import SERVICE
from hotpath.http.grpc.servicer import REFUSED, Answer, Servicer
from hotpath.http.grpc.streaming import METHOD, Streaming
from hotpath.http.grpc.unary import Unary
from hotpath.http.keys import KeyFile
from hotpath.http.observed import Ledger
from hotpath.http.service import Service
from hotpath.http.v2.triton import not_supported
from hotpath.metrics.table import Row
from hotpath.observing.record import Observer

MOST_OF_A_CONNECTION = 1000
"""Calls of one connection at once; further ones wait with the client."""

BOUNDED_SINCE = (1, 85)
"""The version of grpcio that was seen to bound what a compressed message unfolds to; 1.80 did not."""

_LAST_WORDS_S = 1.0
"""For refusals of what was not finished to reach their clients."""


class Server:
    """One worker's. Belongs to its event loop."""

    def __init__(
        self,
        service: Service,
        row: Row,
        keys: Optional[KeyFile] = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        config = service.config
        self._config = config
        self._end: Optional[asyncio.Task[None]] = None
        self._ending = Ending()
        ledger, workers = Ledger(row, observers), len(service.table.workers)
        servicer = Servicer(service)
        intake = Intake(config.limits, workers, config.server.keep_alive_s)
        unary = Unary(ledger, keys, intake, self._ending)
        most_requests = max(1, config.limits.queue // 2)
        streaming = Streaming(servicer.infer, ledger, keys, self._ending, intake.seats, most_requests)
        handlers = {name: unary.handler(name, *how) for name, how in servicer.methods.items()}
        handlers.update({name: unary.handler(name, None, _refusal(*why)) for name, why in REFUSED.items()})
        handlers[METHOD] = streaming.handler()
        self._server = grpc.aio.server(options=options(config))
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))

    async def start(self) -> None:
        """Take calls. Raises RuntimeError where the port can't be had."""
        server = self._config.server
        host = f"[{server.host}]" if ":" in server.host else server.host
        self._server.add_insecure_port(f"{host}:{server.grpc_port}")
        await self._server.start()

    def end(self) -> None:
        """Take nothing more, and finish what was accepted."""
        if self._end is None:
            self._end = asyncio.ensure_future(self._finish())

    async def ended(self) -> None:
        """Until all is answered or refused."""
        self.end()
        assert self._end is not None
        await self._end

    async def _finish(self) -> None:
        self._ending.begun.set()
        drain_s = self._config.server.drain_timeout_s
        timer = asyncio.get_running_loop().call_later(drain_s, self._ending.cut)
        await self._server.stop(drain_s + _LAST_WORDS_S)
        timer.cancel()


def options(config: Config) -> List[Tuple[str, Any]]:
    """Of grpc's core: https://grpc.github.io/grpc/core/group__grpc__arg__keys.html"""
    idle_ms = config.server.keep_alive_s * 1000
    found: List[Tuple[str, Any]] = [
        ("grpc.so_reuseport", 1),
        ("grpc.max_receive_message_length", config.limits.body_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_concurrent_streams", MOST_OF_A_CONNECTION),
        ("grpc.max_connection_idle_ms", idle_ms),
        ("grpc.keepalive_time_ms", idle_ms),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ]
    version = tuple(int(part) for part in grpc.__version__.split(".")[:2])
    if version < BOUNDED_SINCE:
        found.append(("grpc.compression_enabled_algorithms_bitset", 1))  # none but the plain form
    return found


def _refusal(message: str, remedy: str) -> Answer:
    async def refuse(call: Call, request: Any) -> Any:
        raise _problem

    _problem: Problem = not_supported(message, remedy)
    return refuse
