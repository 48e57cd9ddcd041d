"""Whatever a request is given up for is counted, and once."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Awaitable, Callable, List, Tuple, cast

import numpy
import pytest
from fastapi import Request
from starlette.requests import ClientDisconnect
from support.classifying import task_of

from hotpath.config import Config
from hotpath.core import Outcome
from hotpath.http.catalogue import Catalogue, Served
from hotpath.http.engines import EngineClient, Outlook
from hotpath.http.errors import Problem
from hotpath.http.service import Service
from hotpath.http.uploads import NoMemory
from hotpath.http.urgency import Urgency
from hotpath.http.waiting import ClientGone, DeadlinePassed, Patience
from hotpath.ipc.arena import Arena, SlotClasses
from hotpath.ipc.messages import Status
from hotpath.ipc.slots import Lease, SlotMap, SlotPool
from hotpath.metrics.layout import SHED_REASONS
from hotpath.metrics.table import Table
from hotpath.tasks.task import Fill, Item, Prepared

SHAPE = (2, 2, 3)
READY = Prepared((numpy.zeros(SHAPE, numpy.uint8),))


@dataclass(frozen=True)
class Endless:
    """An item that is not there before the test says so."""

    release: threading.Event

    def write(self, slot: Item) -> int:
        self.release.wait(60)
        return 1

    def is_quick(self) -> bool:
        return False


class Engines:
    """Answers every image with one outcome, after `delay` seconds in which the loop does nothing else."""

    def __init__(self, outcome: Any = None, delay: float = 0.0) -> None:
        self._outcome = outcome
        self._delay = delay
        self.submitted: Tuple[Any, ...] = ()
        """The last item's lease, seats, deadline, priority and units."""

    def ready(self, seats: object) -> bool:
        return True

    def outlook(self, seats: object, units: int = 1) -> Outlook:
        return Outlook(0.0, 0.0)

    def submit(self, *what: Any) -> asyncio.Future[Outcome]:
        self.submitted = what
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        if self._outcome is not None:
            time.sleep(self._delay)
            answer.set_result(self._outcome)
        return answer


class Offered(Served):
    """A model without files."""

    def __init__(self) -> None:
        self.offer = cast(Any, SimpleNamespace(model="m", version="v", seats=(0,), lane=0))
        self.task = task_of(SHAPE)
        self.slot_bytes = 12
        self.holders = 0


def service(engines: Engines) -> Service:
    config = Config.model_validate({"models": [{"name": "m", "path": "/nowhere"}]})
    table = Table(1, [], 1, ["m"])
    pool = SlotPool(SlotMap(4), 0, range(4), lambda in_use: None)
    client, catalogue = cast(EngineClient, engines), cast(Catalogue, None)
    return Service(config, catalogue, Arena(SlotClasses(4, (64,))), pool, table, table.workers[0], client)


def shed(found: Service) -> dict[str, float]:
    counts = {reason: found.row.get("hotpath_shed", (reason,)) for reason in SHED_REASONS}
    return {reason: count for reason, count in counts.items() if count}


def run(found: Service, work: Callable[[Served, Lease], Awaitable[object]], seconds: float = 60.0) -> None:
    async def play() -> None:
        served = Offered()
        with found.admission(served, Urgency(seconds)), served.held(), found.place(served) as lease:
            await work(served, lease)

    asyncio.run(asyncio.wait_for(play(), 60.0))


def classify(found: Service, seconds: float, fill: Fill = READY) -> None:
    async def work(served: Served, lease: Lease) -> None:
        async def receive() -> Any:
            await asyncio.Event().wait()

        request = Request({"type": "http"}, receive)
        now = time.monotonic()
        async with Patience(request.receive, now, now, Urgency(seconds)) as patience:
            await found.predict(served, fill, lease, patience)

    run(found, work, seconds)


@pytest.mark.parametrize(
    ("error", "becomes", "reason"),
    [(DeadlinePassed(1.0), Problem, "expired"), (ClientDisconnect(), ClientGone, "client_gone")],
)
def test_a_body_that_does_not_come_is_counted(
    error: Exception, becomes: type[Exception], reason: str
) -> None:
    async def work(*_: object) -> None:
        raise error

    found = service(Engines())
    with pytest.raises(becomes):
        run(found, work)
    assert shed(found) == {reason: 1}


def test_a_client_that_goes_is_counted_once_where_one_admission_lies_in_another() -> None:
    found = service(Engines())

    async def work(served: Served, _: Lease) -> None:
        with found.admission(served, Urgency(60.0)):
            raise ClientGone

    with pytest.raises(ClientGone):
        run(found, work)
    assert shed(found) == {"client_gone": 1}


def test_time_that_is_over_in_an_engine_is_counted() -> None:
    found = service(Engines())
    with pytest.raises(Problem) as told:
        classify(found, 0.02)
    assert told.value.status == 504 and shed(found) == {"expired": 1}


def test_time_that_is_over_in_decoding_is_counted() -> None:
    found, release = service(Engines()), threading.Event()
    with pytest.raises(Problem) as told:
        try:
            classify(found, 0.02, Endless(release))
        finally:
            release.set()
    assert told.value.status == 504 and shed(found) == {"expired": 1}


@pytest.mark.parametrize("delay", [0.0, 0.05])
def test_what_an_engine_has_counted_is_not_counted_again(delay: float) -> None:
    found = service(Engines(Outcome(Status.EXPIRED, None, 0, 0.0, 0.0), delay))
    with pytest.raises(Problem) as told:
        classify(found, 0.02 if delay else 60.0)
    assert told.value.status == 504 and shed(found) == {}


def test_an_answer_that_comes_too_late_is_counted() -> None:
    found = service(Engines(Outcome(Status.OK, None, 1, 0.0, 0.0), 0.05))
    with pytest.raises(Problem) as told:
        classify(found, 0.02)
    assert told.value.status == 504 and shed(found) == {"expired": 1}


def full(found: Service) -> contextlib.ExitStack:
    """Every place is taken for as long as this is open."""
    stack = contextlib.ExitStack()
    for _ in range(4):
        stack.enter_context(found.place(Offered()))
    return stack


def test_at_the_door_of_a_full_service_no_body_is_awaited() -> None:
    found = service(Engines())
    with full(found), pytest.raises(Problem) as told, found.admission(Offered(), Urgency(1.0)):
        raise AssertionError("a body would be received for nothing")
    assert told.value.status == 429 and shed(found) == {"no_slot": 1}


def test_who_waits_for_a_body_holds_no_place() -> None:
    found, served = service(Engines()), Offered()
    with contextlib.ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(found.admission(served, Urgency(1.0)))
        assert found.table.total("hotpath_places_in_use", ("m",)) == 0 and served.holders == 0
        stack.enter_context(full(found))


def test_a_place_that_went_while_the_body_came_is_429() -> None:
    found = service(Engines())
    with pytest.raises(Problem) as told, found.admission(Offered(), Urgency(1.0)), full(found):
        found.place(Offered())
    assert told.value.status == 429 and shed(found) == {"no_slot": 1}


def test_a_body_without_memory_for_it_is_429() -> None:
    found = service(Engines())
    with pytest.raises(Problem) as told, found.admission(Offered(), Urgency(1.0)):
        raise NoMemory
    assert told.value.status == 429 and shed(found) == {"no_memory": 1}
    assert told.value.headers == {"Retry-After": "1"}


def test_an_engine_is_told_how_long_an_item_is_that_was_decoded() -> None:
    engines = Engines(Outcome(Status.FAILED, None, 1, 0.0, 0.0))
    with pytest.raises(Problem):
        classify(service(engines), 60.0, Prepared(READY.values, units=40))
    assert engines.submitted[4] == 40


def test_an_item_is_coming_while_it_is_decoded_and_no_longer() -> None:
    found = service(Engines(Outcome(Status.FAILED, None, 1, 0.0, 0.0)))
    seen: List[float] = []

    class Looking:
        def write(self, slot: Item) -> int:
            seen.append(found.row.get("hotpath_items_coming"))
            return 1

        def is_quick(self) -> bool:
            return False

    with pytest.raises(Problem):
        classify(found, 60.0, Looking())
    assert seen == [1.0] and found.row.get("hotpath_items_coming") == 0.0
