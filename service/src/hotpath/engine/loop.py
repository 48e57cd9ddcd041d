"""The engine's loop: takes messages, asks the policy what to do, runs batches, answers."""

from __future__ import annotations

import selectors
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Deque, Dict, List, Optional, Sequence, Tuple

from hotpath.core import Outcome, Ranking
from hotpath.engine.backend import Backend
from hotpath.ipc.arena import Arena
from hotpath.ipc.channel import Channel
from hotpath.ipc.messages import Attach, Cancel, Hello, Result, Status, Submit
from hotpath.metrics.table import Row
from hotpath.scheduler.policy import Dispatch, Entry, Shed, decide

Ticket = Tuple[int, Submit]
"""A request and the index of the worker's channel that brought it."""


@dataclass
class _Launched:
    tickets: List[Ticket]
    handle: Any
    started: float


class EngineLoop:
    """Owns the queue of one engine. Single-threaded; everything it waits for is in one selector."""

    def __init__(
        self,
        incarnation: int,
        backend: Backend,
        channels: Sequence[Channel],
        arena: Arena,
        shape: Tuple[int, int, int],
        max_batch: int,
        row: Row,
    ) -> None:
        self._incarnation = incarnation
        self._backend = backend
        self._channels = channels
        self._arena = arena
        self._shape = shape
        self._max_batch = max_batch
        self._row = row
        self._workers = [0] * len(channels)
        self._queue: Dict[int, Tuple[Entry, Ticket]] = {}
        self._next_key = 0
        self._launched: Deque[_Launched] = deque()
        self._selector = selectors.DefaultSelector()
        for index, channel in enumerate(channels):
            self._selector.register(channel, selectors.EVENT_READ, index)

    def run(self) -> None:
        """Serve until the process is killed; the supervisor does so when no worker is left."""
        timeout: Optional[float] = 0.0
        while True:
            self.poll(timeout)
            timeout = self.step()

    def step(self) -> Optional[float]:
        """Do what the policy says once; return how long the next poll may wait (None: for anything)."""
        now = time.monotonic()
        free = self._backend.depth - len(self._launched)
        action = decide(now, [entry for entry, _ in self._queue.values()], free, self._max_batch)
        if isinstance(action, Shed):
            for entry in action.entries:
                self._answer_unrun(self._queue.pop(entry.key)[1], Status.EXPIRED)
            self._row.add("hotpath_shed", ("expired",), len(action.entries))
            return 0.0
        if isinstance(action, Dispatch):
            self._launch([self._queue.pop(entry.key)[1] for entry in action.entries])
            if len(self._launched) < self._backend.depth:
                return 0.0
        if self._launched:
            self._finish(self._launched.popleft())
            return 0.0
        return None if isinstance(action, Dispatch) or action.until is None else max(0.0, action.until - now)

    def _launch(self, tickets: List[Ticket]) -> None:
        started = time.monotonic()
        for _, submit in tickets:
            self._row.observe("hotpath_queue_seconds", max(0.0, started - submit.submitted))
        handle = self._backend.launch([self._arena.view(submit.slot, self._shape) for _, submit in tickets])
        self._launched.append(_Launched(tickets, handle, started))

    def _finish(self, batch: _Launched) -> None:
        rankings = self._backend.finish(batch.handle)
        compute_s = time.monotonic() - batch.started
        self._row.observe("hotpath_compute_seconds", compute_s)
        self._row.observe("hotpath_batch_size", float(len(batch.tickets)))
        for (worker, submit), ranking in zip(batch.tickets, rankings):
            queue_s = max(0.0, batch.started - submit.submitted)
            self._answer(worker, submit, Status.OK, ranking, len(batch.tickets), queue_s, compute_s)

    def _answer_unrun(self, ticket: Ticket, status: Status) -> None:
        worker, submit = ticket
        self._answer(worker, submit, status, None, 0, max(0.0, time.monotonic() - submit.submitted), 0.0)

    def _answer(
        self,
        worker: int,
        submit: Submit,
        status: Status,
        ranking: Optional[Ranking],
        batch_size: int,
        queue_s: float,
        compute_s: float,
    ) -> None:
        outcome = Outcome(status, ranking, batch_size, queue_s, compute_s)
        self._channels[worker].send(Result(submit.worker, submit.request, outcome))

    def poll(self, timeout: Optional[float]) -> None:
        """Wait for messages for at most `timeout` seconds (None: for ever) and take them in."""
        for index, channel in enumerate(self._channels):
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if channel.waiting else 0)
            if self._selector.get_key(channel).events != events:
                self._selector.modify(channel, events, index)
        for key, _ in self._selector.select(timeout):
            self._channels[key.data].flush()
            self._receive(key.data)

    def _receive(self, index: int) -> None:
        for message in self._channels[index].receive():
            if isinstance(message, Attach):
                self._forget(index, before=message.worker)
                self._workers[index] = message.worker
                self._channels[index].send(Hello(self._incarnation))
            elif isinstance(message, Submit) and self._is_current(index, message.worker, message.engine):
                self._queue[self._next_key] = (
                    Entry(self._next_key, message.submitted, message.deadline),
                    (index, message),
                )
                self._next_key += 1
            elif isinstance(message, Cancel) and self._is_current(index, message.worker, message.engine):
                self._cancel(index, message.request)

    def _is_current(self, index: int, worker: int, engine: int) -> bool:
        if engine != self._incarnation:  # meant for this engine's predecessor; the worker submits it again
            return False
        return worker >= self._workers[index]

    def _forget(self, index: int, before: int) -> None:
        """Drop what a worker that has died had queued."""
        for key, (_, (worker, submit)) in list(self._queue.items()):
            if worker == index and submit.worker < before:
                del self._queue[key]

    def _cancel(self, index: int, request: int) -> None:
        for key, (_, (worker, submit)) in list(self._queue.items()):
            if worker == index and submit.request == request:
                del self._queue[key]
                self._answer_unrun((worker, submit), Status.CANCELLED)
                return
