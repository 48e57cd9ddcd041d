"""An HTTP worker by itself, with the test in the place of the supervisor and of the engine."""

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path
from typing import Iterator

import pytest
from support.server import until

from hotpath.config import Config
from hotpath.ipc.arena import Arena, SlotClasses
from hotpath.ipc.channel import Channel, link
from hotpath.ipc.marks import Marks
from hotpath.ipc.messages import Attach, Hello
from hotpath.ipc.slots import SlotMap
from hotpath.metrics.table import Row, Table
from hotpath.models.built import load
from hotpath.supervisor import child
from hotpath.supervisor.generations import Generations
from hotpath.supervisor.placement import Place, Placement


class Worker:
    """Incarnation 5 of the only worker; its engine is warm."""

    def __init__(self, model: Path) -> None:
        config = Config.model_validate(
            {"models": [{"name": "colours", "path": str(model), "backend": "numeric", "engines": 1}]}
        )
        generations = Generations(config, [load(model)], Placement({}, ()))
        table = Table(1, generations.seat_labels(), 8, generations.names)
        table.engines[0].set("hotpath_engine_ready", 1.0)
        links = [link() for _ in range(generations.seats)]
        self.engine = Channel(links[0][1])
        self.row: Row = table.workers[0]
        steering, self.supervisor = link()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)

        def work() -> None:
            from hotpath.http import worker

            worker._LONGEST_GREETING_S = 1e9
            channels = [Channel(near) for near, _ in links]
            sockets, arena, marks, slots = (
                [self.listener],
                Arena(SlotClasses(4, (4096,))),
                Marks(4),
                SlotMap(4),
            )
            offers = generations.current()
            worker.run(
                config,
                offers,
                sockets,
                0,
                5,
                channels,
                steering,
                arena,
                marks,
                slots,
                range(4),
                table,
                self.row,
                lambda: None,
            )

        self.pid = child.fork("worker-0", Place(), "any", work, child.Reason())
        until(lambda: Attach(5) in list(self.engine.receive()))

    @property
    def accepts(self) -> bool:
        return self.row.get("hotpath_workers_ready") > 0


@pytest.fixture
def worker(fast_model: Path) -> Iterator[Worker]:
    """It has just greeted its engine."""
    worker = Worker(fast_model)
    yield worker
    os.kill(worker.pid, signal.SIGKILL)
    os.waitpid(worker.pid, 0)
    worker.listener.close()


def test_a_worker_accepts_nothing_before_its_warm_engine_has_answered(worker: Worker) -> None:
    threading.Event().wait(0.2)  # in which one that does not wait for it would begin
    assert not worker.accepts
    worker.engine.send(Hello(1))
    until(lambda: worker.accepts)


def test_a_worker_that_is_asked_to_end_before_it_accepts_ends_as_soon_as_it_would(worker: Worker) -> None:
    os.kill(worker.pid, signal.SIGTERM)
    worker.engine.send(Hello(1))
    status = os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
    assert status is not None and (status.si_code, status.si_status) == (os.CLD_EXITED, 0)
    assert not worker.accepts
