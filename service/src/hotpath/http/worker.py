"""What an HTTP worker process does: one uvicorn server on the listening sockets it was forked with."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, AsyncIterator, Callable, Optional, Sequence

import uvicorn
import uvloop
from fastapi import FastAPI

from hotpath.config import Config
from hotpath.http.app import create
from hotpath.http.catalogue import Catalogue
from hotpath.http.engines import EngineClient
from hotpath.http.keys import KeyFile
from hotpath.http.protocol import Protocol
from hotpath.http.server import Server
from hotpath.http.service import Service
from hotpath.http.steering import Steering
from hotpath.ipc.arena import Arena
from hotpath.ipc.channel import Channel
from hotpath.ipc.marks import Marks
from hotpath.ipc.offers import Offers
from hotpath.ipc.slots import SlotMap, SlotPool
from hotpath.memory import keep_freed_memory
from hotpath.metrics.table import Row, Table
from hotpath.observing.observation import Observation
from hotpath.sharing.part import Part, Shared

if TYPE_CHECKING:
    from hotpath.http.grpc.server import Server as GrpcServer

log = logging.getLogger(__name__)

_LONGEST_GREETING_S = 1.0
"""How long a new worker waits for warm engines to know it, before it accepts; a stopped one never will."""


def run(
    config: Config,
    offers: Offers,
    sockets: Sequence[socket.socket],
    index: int,
    incarnation: int,
    channels: Sequence[Channel],
    link: socket.socket,
    arena: Arena,
    marks: Marks,
    slots: SlotMap,
    home: range,
    table: Table,
    row: Row,
    announce: Callable[[], None],
    shared: Optional[Shared] = None,
) -> None:
    """Serve until SIGTERM, then finish what was accepted and return."""
    keep_freed_memory()
    for gauge in ("hotpath_connections", "hotpath_uploads", "hotpath_uploads_bytes"):
        row.set(gauge, 0.0)  # the predecessor's ended with it
    client = EngineClient(incarnation, channels, marks, table)
    pool = SlotPool(slots, index, home, lambda in_use: row.set("hotpath_slots_in_use", in_use))
    catalogue = Catalogue(offers, client.ready)
    part = None if shared is None else Part(shared, index)
    service = Service(config, catalogue, arena, pool, table, row, client, part)

    def follow(latest: Offers) -> None:
        table.offers = latest
        service.comparing.follow(latest.comparison)
        for offer in latest.offers:
            labels = (str(offer.lane),)
            if row.get("hotpath_lane_generation", labels) != offer.generation:
                row.clear_lane(offer.lane)
                row.set("hotpath_lane_generation", offer.generation, labels)

    follow(offers)
    steering = Steering(incarnation, link, catalogue, client.busy, follow)
    keys = KeyFile(Path(config.auth.keys)) if config.auth.keys else None
    observation = Observation(config, row)
    grpc: Optional[GrpcServer] = None

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        client.start()
        steering.start()
        service.decoder.begin()
        await client.wait_for_engines(_LONGEST_GREETING_S)
        if grpc is not None:
            await grpc.start()
        row.set("hotpath_worker_seen_at_seconds", time.monotonic())  # by which it is judged from now on
        row.set("hotpath_workers_ready", 1.0)
        # What lives as long as the process need not be looked through for garbage, 20 ms each time.
        gc.collect()
        gc.freeze()
        announce()
        # It was held back since the fork: who was asked to end while it started does so now.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        yield
        if grpc is not None:
            await grpc.ended()
        await service.decoder.ended()
        observation.close()

    server = Server(
        uvicorn.Config(
            create(service, row, lifespan, keys, observation.observers),
            http=Protocol,
            ws="none",
            proxy_headers=False,  # it believes whoever connects from this machine
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=config.server.keep_alive_s,
            timeout_graceful_shutdown=config.server.drain_timeout_s,
        ),
        sockets,
        table,
        row,
        service.uploads,
        lambda: service.draining,
    )

    def drain() -> None:
        service.end()
        row.set("hotpath_workers_ready", 0.0)
        server.should_exit = True
        if grpc is not None:
            grpc.end()

    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    if config.server.grpc_port:
        grpc = _grpc_server(service, row, keys, observation)
    loop.add_signal_handler(signal.SIGTERM, drain)
    loop.run_until_complete(server.serve())


def _grpc_server(service: Service, row: Row, keys: Optional[KeyFile], observation: Observation) -> GrpcServer:
    """Imported here: its library is large, an extra, and starts threads, which no process may fork with."""
    from hotpath.http.grpc.server import Server as GrpcServer

    return GrpcServer(service, row, keys, observation.observers)
