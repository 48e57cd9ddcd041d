"""An engine's loop with a back end that only notes what it is given."""

from __future__ import annotations

import time
from typing import List, Optional, Tuple

import numpy

from hotpath.core import TensorSpec, slot_bytes
from hotpath.engine.gathering import Gathering
from hotpath.engine.loop import EngineLoop
from hotpath.ipc.arena import Arena, SlotClasses
from hotpath.ipc.channel import Channel, link
from hotpath.ipc.marks import Marks
from hotpath.ipc.messages import Message, Result, Standing, Submit
from hotpath.metrics.table import Table
from hotpath.scheduler.costs import Costs
from support.held import TASK, HeldRunner, Notebook

SLOTS = 16


class Bench:
    """One engine loop (incarnation 7) and the workers' ends of its links."""

    def __init__(
        self,
        max_batch: int = 4,
        workers: int = 1,
        seconds: float = 0.0,
        runs_anywhere: bool = False,
        inputs: Tuple[TensorSpec, ...] = TASK.inputs,
        costs: Optional[Costs] = None,
        processors: int = 1,
    ) -> None:
        links = [link() for _ in range(workers)]
        self.workers = [Channel(near) for near, _ in links]
        self.backend = Notebook()
        self.runner = HeldRunner(self.backend, runs_anywhere)
        self.arena, self.marks = Arena(SlotClasses(SLOTS, (slot_bytes(inputs),))), Marks(SLOTS)
        for slot in range(SLOTS):
            self.arena.item(slot, inputs)[0][:] = numpy.uint8(slot)
        self.table = Table(workers, ["0/cpu"], max_batch)
        self.row = self.table.engines[0]
        self.loop = EngineLoop(
            7,
            self.runner,
            [Channel(far) for _, far in links],
            self.arena,
            self.marks,
            inputs,
            costs or Costs({1: {1: seconds, max_batch: seconds}}),
            self.row,
            Gathering(self.table.workers, processors),
        )

    def send(self, *messages: Message, worker: int = 0) -> None:
        for message in messages:
            self.workers[worker].send(message)

    def turn(self) -> List[Message]:
        """Let the loop take in what there is and do what it will; no batch is run."""
        self.loop.poll(0.0)
        while self.loop.step() == 0.0:
            pass
        return list(self.workers[0].receive())

    def run(self) -> List[Message]:
        """The same, and all batches are run."""
        heard = self.turn()
        while self.runner.held:
            self.runner.release()
            heard += self.turn()
        return heard


def submit(
    request: int,
    worker: int = 1,
    engine: int = 7,
    seconds: float = 60.0,
    standing: Standing = Standing.NEW,
    priority: int = 5,
    units: int = 1,
) -> Submit:
    """That the item in the slot of the request's number waits."""
    now = time.monotonic()
    return Submit(worker, engine, request, request, now, now + seconds, priority, standing, units)


def results(messages: List[Message]) -> List[Result]:
    return [message for message in messages if isinstance(message, Result)]
