"""A worker's side of the links: submits images to engines and hands the answers to who waits for them."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence

from hotpath.core import Outcome
from hotpath.ipc.channel import Channel
from hotpath.ipc.marks import Marks
from hotpath.ipc.messages import Attach, Cancel, Hello, Message, Result, Standing, Status, Submit
from hotpath.ipc.slots import Lease
from hotpath.metrics.layout import PLACES
from hotpath.metrics.table import Row, Table
from hotpath.scheduler.entries import NORMAL

LONE_DEATHS = 3
"""How many engines may die while they run a request by itself before it is taken for what kills them."""


NEXT_TO_NOTHING_S = 0.001
"""Work that an engine may have for another request to be given to it rather than to an idle one."""


STILL_S = 2.5
"""An engine stands still that is so much later with its work than it foretold, or was away from its loop as
long, which comes round every second."""

_LOOK_S = 0.005
"""How often it is looked whether the engines have said hello, while a worker starts."""


class NoEngine(Exception):
    """No engine on these seats has ever said hello."""


class Outlook(NamedTuple):
    """What awaits a request, in seconds, as the engines' tables of costs say."""

    wait: float
    """Until the engine that is free first has done all that it has."""
    lone: float
    """What the request itself takes then."""


class _Gauges(NamedTuple):
    """What an engine tells of itself, as every request asks for it."""

    ready: Callable[[], float]
    clear_at: Callable[[], float]
    pace: Callable[[], float]
    unit_seconds: Callable[[], float]

    @classmethod
    def of(cls, row: Row) -> _Gauges:
        names = ("ready", "clear_at_seconds", "pace_ratio", "unit_seconds")
        return cls(*(row.gauge(f"hotpath_engine_{name}") for name in names))


@dataclass
class _Pending:
    lease: Lease
    engine: int
    deadline: float
    priority: int
    units: int
    behind: float
    submitted: float
    answer: asyncio.Future[Outcome]
    standing: Standing = Standing.NEW
    lone_deaths: int = 0


class EngineClient:
    """All links of one worker. Lives in the worker's event loop."""

    def __init__(self, incarnation: int, channels: Sequence[Channel], marks: Marks, table: Table) -> None:
        self._incarnation = incarnation
        self._channels = channels
        self._marks = marks
        self._table = table
        self._gauges = [_Gauges.of(row) for row in table.engines]
        self._known: List[Optional[int]] = [None] * len(channels)
        self._pending: Dict[int, _Pending] = {}
        self._held = [0] * len(channels)
        """By engine: how many units of work it has from this worker."""
        self._requests = itertools.count(1)

    def start(self) -> None:
        """Listen on every link and tell the engines that this incarnation of the worker is there."""
        self._loop = asyncio.get_running_loop()
        for index, channel in enumerate(self._channels):
            self._loop.add_reader(channel.fileno(), self._on_readable, index)
            self._send(index, Attach(self._incarnation))

    async def wait_for_engines(self, longest_s: float) -> None:
        """Until every warm engine has said hello, or none would be taken for ready; `longest_s` at most."""
        deadline = time.monotonic() + longest_s
        while self._unheard_engines() and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK_S)

    def ready(self, seats: Sequence[int]) -> bool:
        """Whether some engine on these seats is warm and linked."""
        return bool(self._ready_engines(seats))

    def stand_still(self, seats: Sequence[int], longest_s: float = STILL_S) -> bool:
        """Whether every warm engine on these seats got nothing done for so long; False where none is warm."""
        rows = [self._table.engines[index] for index in self._ready_engines(seats)]
        return bool(rows) and all(_stands_still(row, time.monotonic() - longest_s) for row in rows)

    def busy(self, seats: Sequence[int]) -> bool:
        """Whether some engine on these seats has something of this worker's."""
        return any(self._held[seat] > 0 for seat in seats)

    def outlook(self, seats: Sequence[int], units: int = 1) -> Outlook:
        """What awaits an item of so many units that is let in now; before they are known, the shortest.

        Nothing is foretold while no engine is warm.
        """
        now = time.monotonic()
        found = []
        for index in self._ready_engines(seats):
            row, gauges = self._table.engines[index], self._gauges[index]
            lone = row.get("hotpath_warm_batch_seconds", (_place(row, units), "1"))
            found.append(Outlook(max(0.0, gauges.clear_at() - now), lone * gauges.pace()))
        return min(found, default=Outlook(0.0, 0.0))

    def submit(
        self,
        lease: Lease,
        seats: Sequence[int],
        deadline: float,
        priority: int = NORMAL,
        units: int = 1,
        behind: float = 0.0,
    ) -> asyncio.Future[Outcome]:
        """Queue the item in the lease's slot, of so many units, for an engine on one of `seats`.

        `behind`: for how many seconds other items of its request have been at it. The future tells how it
        ended.

        Raises NoEngine. Cancelling the future takes the request out of the engine's queue; the slot stays
        borrowed until the engine has confirmed that it no longer reads it.
        """
        # With none warm, the successor of one that died is on its way, and the request is accepted already.
        candidates = self._ready_engines(seats) or self._linked_engines(seats)
        if not candidates:
            raise NoEngine
        engine = self._idlest(candidates)
        request = next(self._requests)
        answer = self._loop.create_future()
        pending = _Pending(lease, engine, deadline, priority, units, behind, time.monotonic(), answer)
        pending.answer.add_done_callback(lambda answer: self._on_settled(request, answer))
        self._pending[request] = pending
        self._held[engine] += units
        lease.borrow()
        self._transmit(request, pending)
        return pending.answer

    def _idlest(self, engines: Sequence[int]) -> int:
        """The first that has next to nothing to do, else the one that has least.

        Sharing out what takes no time would only make batches smaller, and each costs something by itself.
        """
        if len(engines) == 1:
            return engines[0]
        now = time.monotonic()
        least, least_work = engines[0], float("inf")
        for engine in engines:
            gauges = self._gauges[engine]
            # What was submitted a moment ago it may not have heard of yet.
            own, pace = self._held[engine] * gauges.unit_seconds(), gauges.pace()
            work = max(gauges.clear_at() - now, own * pace)
            if work <= NEXT_TO_NOTHING_S * pace:
                return engine
            if work < least_work:
                least, least_work = engine, work
        return least

    def _unheard_engines(self) -> List[int]:
        rows = self._table.engines
        return [
            i
            for i, known in enumerate(self._known)
            if known is None and rows[i].get("hotpath_engine_ready") > 0
        ]

    def _linked_engines(self, seats: Sequence[int]) -> List[int]:
        return [index for index in seats if self._known[index] is not None]

    def _ready_engines(self, seats: Sequence[int]) -> List[int]:
        known, gauges = self._known, self._gauges
        return [i for i in seats if known[i] is not None and gauges[i].ready() > 0]

    def _transmit(self, request: int, pending: _Pending) -> None:
        engine = self._known[pending.engine]
        assert engine is not None, "only linked engines are chosen"
        self._send(
            pending.engine,
            Submit(
                self._incarnation,
                engine,
                request,
                pending.lease.slot,
                pending.submitted,
                pending.deadline,
                pending.priority,
                pending.standing,
                pending.units,
                pending.behind,
            ),
        )

    def _on_settled(self, request: int, answer: asyncio.Future[Outcome]) -> None:
        pending = self._pending.get(request)
        engine = None if pending is None else self._known[pending.engine]
        if pending is not None and engine is not None and answer.cancelled():
            self._send(pending.engine, Cancel(self._incarnation, engine, request))

    def _on_readable(self, index: int) -> None:
        for message in self._channels[index].receive():
            self._on_message(index, message)

    def _on_message(self, index: int, message: Message) -> None:
        if isinstance(message, Hello) and message.engine != self._known[index]:
            before, self._known[index] = self._known[index], message.engine
            if before is not None:
                self._submit_again(index, before)
        elif isinstance(message, Result) and message.worker == self._incarnation:
            self._settle(message.request, message.outcome)

    def _settle(self, request: int, outcome: Outcome) -> None:
        pending = self._pending.pop(request, None)
        if pending is None:
            return
        self._held[pending.engine] -= pending.units
        pending.lease.give_back()
        if not pending.answer.done():
            pending.answer.set_result(outcome)

    def _submit_again(self, index: int, dead: int) -> None:
        """The engine is a new one: what its predecessor had not answered still lies in the slots."""
        for request, pending in list(self._pending.items()):
            if pending.engine != index:
                continue
            mark = self._marks.of(pending.lease.slot, dead, request)
            pending.lone_deaths += mark.alone
            if pending.answer.done() or pending.lone_deaths == LONE_DEATHS:
                waited = time.monotonic() - pending.submitted
                self._settle(request, Outcome(Status.FAILED, None, 0, waited, 0.0))
                continue
            # Who ran when the engine died is run alone from now on, and the others are out of danger.
            pending.standing = Standing.SUSPECT if mark.ran else max(pending.standing, Standing.AGAIN)
            self._transmit(request, pending)

    def _send(self, index: int, message: Message) -> None:
        channel = self._channels[index]
        channel.send(message)
        if channel.waiting:
            self._loop.add_writer(channel.fileno(), self._on_writable, index)

    def _on_writable(self, index: int) -> None:
        channel = self._channels[index]
        channel.flush()
        if not channel.waiting:
            self._loop.remove_writer(channel.fileno())


def _place(row: Row, units: int) -> str:
    """Where an item of so many units is in the table of an engine's warm-up; the longest, if it is longer."""
    found = PLACES[0]
    for place in PLACES:
        length = row.get("hotpath_warm_length_units", (place,))
        if not length:
            break
        found = place
        if length >= units:
            break
    return found


def _stands_still(row: Row, before: float) -> bool:
    since = row.get("hotpath_engine_batch_since_seconds")
    if since > 0.0:
        return max(since, row.get("hotpath_engine_clear_at_seconds")) < before
    return 0.0 < row.get("hotpath_engine_seen_at_seconds") < before
