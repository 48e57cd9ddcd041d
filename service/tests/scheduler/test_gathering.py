"""Batches of a device that computes on the processors that items are made ready on, with a fake clock."""

from __future__ import annotations

import heapq
from collections import deque
from typing import Deque, List, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import tables

from hotpath.scheduler.costs import Costs
from hotpath.scheduler.entries import Entry, Queue
from hotpath.scheduler.gathering import NOTHING, PATIENCE, Coming, gathers_until
from hotpath.scheduler.policy import Device, Dispatch, Shed, Sleep, decide
from hotpath.scheduler.sizes import HANDOVER_S

TINY = Costs({1: {1: 0.0002, 2: 0.0003, 4: 0.0004, 8: 0.0008}})
DECODE_S = 0.001
NEVER = 1e9


def waiting(count: int, deadline: float = NEVER) -> List[Entry]:
    return [Entry(key, 0.0, deadline) for key in range(count)]


class Service:
    """Processors with a worker on each, and an engine that takes one for its batch; clients ask again."""

    def __init__(self, clients: int, gathers: bool, processors: int = 2) -> None:
        self.now, self.answered, self.batches = 0.0, 0, 0
        self._gathers = gathers
        self._undecoded: List[Deque[int]] = [deque() for _ in range(processors)]
        self._idle = [True] * processors
        self._queue, self._newest, self._keys = Queue(), 0.0, 0
        self._batch: Optional[Tuple[Entry, ...]] = None
        self._running = False
        self._events: List[Tuple[float, int, str, int]] = []
        self._order = 0
        for client in range(clients):
            self._undecoded[client % processors].append(client)

    def play(self, until: float) -> None:
        while self.now < until:
            self._engine()
            for processor, idle in enumerate(self._idle):
                if idle:
                    self._begin(processor)
            self.now, _, what, which = heapq.heappop(self._events)
            if what == "decoded":
                self._idle[which] = True
                self._newest, self._keys = self.now, self._keys + 1
                self._queue.add(Entry(self._keys, self.now, NEVER, place=0))
            elif what == "computed":
                assert self._batch is not None
                self._idle[which], self._running = True, False
                self.answered += len(self._batch)
                self.batches += 1
                for entry in self._batch:
                    self._undecoded[entry.key % len(self._idle)].append(entry.key)
                self._batch = None

    def _engine(self) -> None:
        items = sum(map(len, self._undecoded)) + self._idle.count(False) - self._running
        crowded = self._gathers and items > len(self._idle)
        coming = Coming(items, DECODE_S / len(self._idle), self._newest) if crowded else NOTHING
        if self._batch is None:
            action = decide(self.now, self._queue.entries, Device(TINY), coming)
            if isinstance(action, Dispatch):
                self._batch = action.entries
                for entry in action.entries:
                    self._queue.remove(entry.key)
            elif isinstance(action, Sleep) and action.until is not None and action.until < NEVER / 2:
                self._at(max(action.until, self.now), "woken", 0)

    def _begin(self, processor: int) -> None:
        if self._batch is not None and not self._running:
            self._idle[processor], self._running = False, True
            self._at(self.now + TINY.seconds(self._batch) + HANDOVER_S, "computed", processor)
        elif self._undecoded[processor]:
            self._idle[processor] = False
            self._undecoded[processor].popleft()
            self._at(self.now + DECODE_S, "decoded", processor)

    def _at(self, when: float, what: str, which: int) -> None:
        self._order += 1
        heapq.heappush(self._events, (when, self._order, what, which))


@pytest.mark.parametrize(("clients", "batch", "gain"), [(1, 1, 1.0), (3, 1, 1.0), (4, 2, 1.1), (16, 6, 1.25)])
def test_where_clients_ask_again_batches_grow_and_more_is_answered(
    clients: int, batch: int, gain: float
) -> None:
    before, after = Service(clients, gathers=False), Service(clients, gathers=True)
    for service in (before, after):
        service.play(0.2)
    assert after.answered / after.batches >= batch
    assert after.answered >= gain * before.answered - 1


def test_a_lone_request_waits_for_nobody_and_an_idle_processor_makes_nobody_wait() -> None:
    assert decide(0.0, waiting(1), Device(TINY), NOTHING) == Dispatch(tuple(waiting(1)))


def test_who_waits_does_so_for_the_next_one_and_not_for_ever() -> None:
    coming = Coming(10, gap=0.0005, newest=5.0)
    assert decide(5.0, waiting(2), Device(TINY), coming) == Sleep(5.0 + PATIENCE * 0.0005)
    assert decide(5.0 + PATIENCE * 0.0005, waiting(2), Device(TINY), coming) == Dispatch(tuple(waiting(2)))


def test_a_full_batch_goes_and_so_does_a_group() -> None:
    coming = Coming(100, gap=0.0005, newest=5.0)
    assert decide(5.0, waiting(8), Device(TINY), coming) == Dispatch(tuple(waiting(8)))
    suspect = Entry(1, 0.0, NEVER, group=1)
    assert decide(5.0, [suspect], Device(TINY), coming) == Dispatch((suspect,))


def test_many_who_wait_go_rather_than_wait_for_few() -> None:
    few, many = (Coming(items, gap=0.0005, newest=5.0) for items in (2, 20))
    assert gathers_until(5.0, waiting(4), TINY, few) == 5.0 < gathers_until(5.0, waiting(4), TINY, many)


def test_nothing_is_gained_where_items_take_long_to_come() -> None:
    assert gathers_until(5.0, waiting(1), TINY, Coming(4, gap=0.1, newest=5.0)) == 5.0


costs = st.builds(Costs, tables((1,)), st.booleans())
comings = st.builds(Coming, st.integers(0, 100), st.floats(0.0, 0.1), st.floats(0.0, 1.0))


@given(costs, comings, st.lists(st.floats(1.0, 4.0), min_size=1, max_size=20))
def test_who_can_be_in_time_is_so_after_the_wait_too(
    table: Costs, coming: Coming, deadlines: List[float]
) -> None:
    now, queue = 1.0, Queue()
    for key, deadline in enumerate(deadlines):
        queue.add(Entry(key, 0.0, deadline))
    begins = gathers_until(now, queue.entries, table, coming)
    assert begins >= now
    if begins > now:
        assert coming.items and begins <= now + PATIENCE * coming.gap
        assert begins + table.clear(queue.entries) <= min(deadlines)
        action = decide(now, queue.entries, Device(table), coming)
        assert isinstance(action, Shed) or action == Sleep(begins)
