"""The engine's loop: takes messages, asks the policy what to do, launches batches, answers."""

from __future__ import annotations

import selectors
import time
from collections import deque
from typing import Deque, Dict, List, NamedTuple, Optional, Sequence, Tuple

from hotpath.core import Outcome, TensorSpec
from hotpath.engine.gathering import Gathering
from hotpath.engine.runner import Job, Runner
from hotpath.engine.waiting import Ticket, Waiting
from hotpath.ipc.arena import Arena
from hotpath.ipc.channel import Channel
from hotpath.ipc.marks import Marks
from hotpath.ipc.messages import Attach, Cancel, Hello, Result, Standing, Status, Submit
from hotpath.metrics.table import Row
from hotpath.scheduler.costs import Costs
from hotpath.scheduler.entries import Entry
from hotpath.scheduler.policy import Device, Dispatch, Shed, admits, decide
from hotpath.tasks.task import Item

_RUNNER = -1
"""What the selector knows the runner by; the channels go by their index."""

SIGN_S = 1.0
"""How often the loop says that it comes round, and the longest that it waits for anything."""

_REST_S = 1.0
_AS_MEASURED = 1.05
"""Each time that nothing happened for so long, a pace above this is forgotten by half."""

QUICK_S = 0.002
"""A batch that takes less by the table is run by the loop itself, if it can be: to hand it over takes 0.2 ms,
and what arrives meanwhile waits no longer than it would for a decoder. On processors that others want too it
takes longer, but so does the handing over."""


class _Flight(NamedTuple):
    tickets: List[Ticket]
    foretold: float
    """Seconds that it takes by the table of costs."""
    end: float
    """When it will be done, as the costs say."""
    grouped: bool
    width: int
    """Units that each of its items is filled up to, for the device; 0: they are laid one behind another."""


class EngineLoop:
    """Owns the queue of one engine. One thread; everything it waits for is in one selector."""

    def __init__(
        self,
        incarnation: int,
        runner: Runner,
        channels: Sequence[Channel],
        arena: Arena,
        marks: Marks,
        inputs: Tuple[TensorSpec, ...],
        costs: Costs,
        row: Row,
        gathering: Gathering,
    ) -> None:
        self._incarnation = incarnation
        self._runner = runner
        self._channels = channels
        self._arena = arena
        self._marks = marks
        self._inputs = inputs
        self._row = row
        self._gathering = gathering
        self._set_costs(costs)
        self._resting = time.monotonic()
        self._sign_due = 0.0
        self._workers = [0] * len(channels)
        self._waiting = Waiting(costs.place)
        self._flights: Deque[_Flight] = deque()
        self._selector = selectors.DefaultSelector()
        self._selector.register(runner, selectors.EVENT_READ, _RUNNER)
        for index, channel in enumerate(channels):
            self._selector.register(channel, selectors.EVENT_READ, index)

    def run(self) -> None:
        """Serve until the process is killed; the supervisor does so when no worker is left."""
        timeout: Optional[float] = 0.0
        while True:
            self.poll(SIGN_S if timeout is None else min(timeout, SIGN_S))
            timeout = self.step()

    def step(self) -> Optional[float]:
        """Do what the policy says once; return how long the next poll may wait (None: for anything)."""
        now = time.monotonic()
        self._give_sign(now)
        action = decide(now, self._waiting.entries, self._device(), self._gathering.coming())
        if isinstance(action, Shed):
            for entry in action.entries:
                self._shed(now, entry)
        elif isinstance(action, Dispatch):
            self._launch(now, action.entries)
        else:
            self._publish(now)
            if action.until is None:
                return self._rest(now)
            return max(0.0, action.until - now)
        return 0.0

    def _device(self) -> Device:
        flights = self._flights
        return Device(self._costs, tuple(f.end for f in flights), any(f.grouped for f in flights))

    def _give_sign(self, now: float) -> None:
        """Say that the loop has come round; see supervisor.hung."""
        if now >= self._sign_due:
            self._sign_due = now + SIGN_S / 2
            self._row.set("hotpath_engine_seen_at_seconds", now)

    def _rest(self, now: float) -> Optional[float]:
        """How long to sleep while nothing is here; by and by, forget that batches were slow."""
        if self._flights or self._costs.pace < _AS_MEASURED:
            self._resting = now
            return None
        if now - self._resting >= _REST_S:
            self._resting = now
            self._set_costs(self._costs.rested())
        return _REST_S

    def _set_costs(self, costs: Costs) -> None:
        self._costs = costs
        self._row.set("hotpath_engine_pace_ratio", costs.pace)

    def _publish(self, now: float) -> None:
        """Tell the workers when everything that is here now will be done."""
        busy = len(self._flights) + len(self._waiting) > 0
        clear_at = self._device().free_at(now) + self._costs.clear(self._waiting.entries) if busy else 0.0
        self._row.set("hotpath_engine_clear_at_seconds", clear_at)

    def _shed(self, now: float, entry: Entry) -> None:
        if entry.deadline <= now:
            self._row.add("hotpath_shed", ("expired",))
        self._refuse(self._waiting.take(entry), Status.EXPIRED if entry.deadline <= now else Status.LATE)

    def _launch(self, now: float, entries: Sequence[Entry]) -> None:
        tickets = [self._waiting.take(entry) for entry in entries]
        foretold = self._costs.foretold(entries)
        end = self._device().free_at(now) + foretold * self._costs.pace

        def mark() -> None:
            for ticket in tickets:
                submit = ticket.submit
                self._marks.ran(submit.slot, self._incarnation, submit.request, alone=len(tickets) == 1)

        quick = not self._flights and foretold <= QUICK_S and self._runner.runs_anywhere
        if not self._flights:
            self._row.set("hotpath_engine_batch_since_seconds", now)
        width = self._costs.width(entries)
        self._flights.append(_Flight(tickets, foretold, end, entries[0].group != 0, width))
        self._row.add("hotpath_engine_images_in_flight", amount=len(tickets))
        job = Job([self._item(ticket) for ticket in tickets], mark)
        if quick:
            self._runner.run(job)
            self._finish(job)
        else:
            self._runner.launch(job)

    def _item(self, ticket: Ticket) -> Item:
        return self._arena.item(ticket.submit.slot, self._inputs, ticket.submit.units)

    def _finish(self, job: Job) -> None:
        flight, seconds = self._flights.popleft(), job.ended - job.started
        tickets = flight.tickets
        self._row.add("hotpath_engine_images_in_flight", amount=-len(tickets))
        self._give_sign(job.ended)  # first: where this thread ran it, the last sign is from before the batch
        self._row.set("hotpath_engine_batch_since_seconds", job.ended if self._flights else 0.0)
        waits = [max(0.0, job.started - ticket.submit.submitted) for ticket in tickets]
        for waited in waits:
            self._row.observe("hotpath_queue_seconds", waited)
        self._row.observe("hotpath_compute_seconds", seconds)
        self._row.observe("hotpath_batch_size", float(len(tickets)))
        units = sum([ticket.submit.units for ticket in tickets])
        self._row.add("hotpath_batch_units", ("real",), units)
        padded = len(tickets) * flight.width - units
        if padded > 0:
            self._row.add("hotpath_batch_units", ("padded",), padded)
        if job.answers is None:
            self._isolate(tickets)
            return
        self._set_costs(self._costs.after(flight.foretold, seconds))
        self._resting = job.ended
        told: Dict[int, List[Result]] = {}
        for ticket, answer, waited in zip(tickets, job.answers, waits):
            outcome = Outcome(Status.OK, answer, len(tickets), waited, seconds)
            _, worker, request = ticket.sender
            told.setdefault(ticket.channel, []).append(Result(worker, request, outcome))
        for channel, results in told.items():
            self._channels[channel].send_all(results)

    def _isolate(self, tickets: List[Ticket]) -> None:
        """A batch failed: run its halves, until what fails is alone."""
        if len(tickets) == 1:
            self._refuse(tickets[0], Status.FAILED)
            return
        middle = len(tickets) // 2
        self._waiting.add_group(tickets[:middle])
        self._waiting.add_group(tickets[middle:])

    def _refuse(self, ticket: Ticket, status: Status) -> None:
        waited = max(0.0, time.monotonic() - ticket.submit.submitted)
        self._answer(ticket, Outcome(status, None, 0, waited, 0.0))

    def _answer(self, ticket: Ticket, outcome: Outcome) -> None:
        self._channels[ticket.channel].send(Result(ticket.submit.worker, ticket.submit.request, outcome))

    def poll(self, timeout: Optional[float]) -> None:
        """Take in messages and finished batches; wait for some for `timeout` seconds (None: for ever)."""
        for index, channel in enumerate(self._channels):
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if channel.waiting else 0)
            if self._selector.get_key(channel).events != events:
                self._selector.modify(channel, events, index)
        for key, _ in self._selector.select(timeout):
            if key.data == _RUNNER:
                for job in self._runner.collect():
                    self._finish(job)
            else:
                self._channels[key.data].flush()
                self._receive(key.data)

    def _receive(self, index: int) -> None:
        for message in self._channels[index].receive():
            if isinstance(message, Attach):
                self._forget(index, before=message.worker)
                self._workers[index] = message.worker
                self._channels[index].send(Hello(self._incarnation))
            elif isinstance(message, Submit) and self._is_current(index, message.worker, message.engine):
                self._submit(Ticket(index, message))
            elif isinstance(message, Cancel) and self._is_current(index, message.worker, message.engine):
                self._cancel(index, message)

    def _submit(self, ticket: Ticket) -> None:
        self._gathering.came(ticket.submit.submitted)
        if ticket.submit.standing is Standing.SUSPECT:
            self._waiting.add_group([ticket])
            return
        entry = self._waiting.add(ticket)
        if ticket.submit.standing is Standing.NEW and not admits(
            time.monotonic(), self._waiting.entries, entry, self._device()
        ):
            self._refuse(self._waiting.take(entry), Status.LATE)

    def _is_current(self, index: int, worker: int, engine: int) -> bool:
        if engine != self._incarnation:  # meant for this engine's predecessor; the worker submits it again
            return False
        return worker >= self._workers[index]

    def _forget(self, index: int, before: int) -> None:
        """Drop what a worker that has died had queued."""
        for entry, ticket in self._waiting.of_channel(index):
            if ticket.submit.worker < before:
                self._waiting.take(entry)

    def _cancel(self, index: int, message: Cancel) -> None:
        entry = self._waiting.find(index, message.worker, message.request)
        if entry is not None:
            self._refuse(self._waiting.take(entry), Status.CANCELLED)
