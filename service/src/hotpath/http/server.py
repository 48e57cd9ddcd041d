"""uvicorn's server as a worker runs it: without its signals, and with connections shared out fairly."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import Callable, Iterator, List, Optional, Sequence, Set, cast

import uvicorn
from typing_extensions import override

from hotpath.http.accepting import Acceptor
from hotpath.http.crowding import RESERVE, make_room, most_connections
from hotpath.http.protocol import Protocol, State
from hotpath.http.uploads import Uploads
from hotpath.metrics.table import Row, Table


class Server(uvicorn.Server):
    """Serves the listeners that all workers were forked with."""

    def __init__(
        self,
        config: uvicorn.Config,
        listeners: Sequence[socket.socket],
        table: Table,
        row: Row,
        uploads: Uploads,
        is_draining: Callable[[], bool],
    ) -> None:
        super().__init__(config)
        self.server_state = self._state = State()
        self._uploads = uploads
        self._is_draining = is_draining
        self._listeners = list(listeners)
        self._row = row
        self._others = [other for other in table.workers if other is not row]
        self._acceptor = Acceptor(
            self._listeners,
            self._protocol,
            lambda: len(self.server_state.connections),
            self._fewest_elsewhere,
            config.timeout_keep_alive,
            self._has_room,
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to us: uvicorn would raise them again after a clean end."""
        yield

    @override
    async def startup(self, sockets: Optional[List[socket.socket]] = None) -> None:
        await super().startup(sockets=[])
        self._most_connections = most_connections()
        self._acceptor.start()

    @override
    async def on_tick(self, counter: int) -> bool:
        self._row.set("hotpath_worker_seen_at_seconds", time.monotonic())
        self._tell()  # connections end without a word to anybody here
        if self._is_draining():
            self._begin_to_end()
        self._row.set("hotpath_uploads", len(self._uploads.under_way))
        self._row.set("hotpath_uploads_bytes", self._uploads.held)
        return await super().on_tick(counter)

    def _begin_to_end(self) -> None:
        """Say with every answer from now on that it is the last of its connection, so that clients move."""
        if not self._state.draining:
            self._state.draining = True
            for connection in self._connections:
                connection.end_soon()

    @override
    async def shutdown(self, sockets: Optional[List[socket.socket]] = None) -> None:
        self._begin_to_end()
        self._row.set("hotpath_worker_seen_at_seconds", 0.0)  # finishing has a time limit of its own
        self._acceptor.stop()
        await self._acceptor.opened()  # what uvicorn does not know yet it would not ask to end
        await super().shutdown(sockets=self._listeners)
        self._tell()

    def _protocol(self) -> asyncio.BaseProtocol:
        self._tell(1)
        protocol: asyncio.BaseProtocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    def _tell(self, more: int = 0) -> None:
        self._row.set("hotpath_connections", len(self.server_state.connections) + more)

    def _has_room(self) -> bool:
        if self._acceptor.held < self._most_connections:
            return True
        # Who has given way may have a moment left to read why, and is still there.
        return make_room(self._connections) and self._acceptor.held < self._most_connections + RESERVE // 2

    @property
    def _connections(self) -> Set[Protocol]:
        return cast("Set[Protocol]", self.server_state.connections)

    def _fewest_elsewhere(self) -> float:
        """What the worker with the fewest connections holds; no bound where this one is alone."""
        ready = [other for other in self._others if other.get("hotpath_workers_ready") > 0]
        return min((other.get("hotpath_connections") for other in ready), default=float("inf"))
