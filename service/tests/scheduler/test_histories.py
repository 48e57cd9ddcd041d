"""Whole histories of arrivals against a device that keeps to its costs, with a fake clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Set, Tuple

from hypothesis import given
from hypothesis import strategies as st
from support.tables import LENGTHS, tables

from hotpath.scheduler.costs import Costs
from hotpath.scheduler.entries import FIRST, LAST, NORMAL, STEP_S, Entry, Queue
from hotpath.scheduler.gathering import PATIENCE, Coming
from hotpath.scheduler.policy import DEPTH, Device, Dispatch, Shed, Sleep, admits, decide


@dataclass
class History:
    """What became of whom, and when."""

    costs: Costs
    refused: Dict[int, float] = field(default_factory=dict)
    shed: Dict[int, float] = field(default_factory=dict)
    done: Dict[int, float] = field(default_factory=dict)
    started: Dict[int, float] = field(default_factory=dict)
    passed_over: List[Tuple[Entry, Tuple[Entry, ...]]] = field(default_factory=list)
    """Who waited on, and the batch that was started instead."""

    def play(self, entries: List[Entry], gap: float = 0.0) -> None:
        """Let everybody arrive, and run until all is still.

        `gap`: the device knows who is still to come, and takes this for the time between two of them.
        """
        coming, queue, now = sorted(entries, key=lambda e: e.arrived), Queue(), 0.0
        ends: List[float] = []
        while True:
            ends = [end for end in ends if end > now]
            while coming and coming[0].arrived <= now:
                entry = coming.pop(0)
                queue.add(entry)
                if not admits(now, queue.entries, entry, Device(self.costs, tuple(ends))):
                    self.refused[queue.remove(entry.key).key] = now
            device = Device(self.costs, tuple(ends))
            newest = max((entry.arrived for entry in queue.entries), default=0.0)
            action = decide(now, queue.entries, device, Coming(len(coming) if gap else 0, gap, newest))
            if isinstance(action, Sleep):
                latest = newest + PATIENCE * gap
                awaited = coming and action.until is not None and action.until <= latest
                assert not queue.entries or ends or awaited, "slept while work and a free device met"
                wakes = [action.until, *ends, *(entry.arrived for entry in coming[:1])]
                times = [wake for wake in wakes if wake is not None and wake > now]
                if not times:
                    assert not queue.entries, "somebody waits for ever"
                    return
                now = min(times)
                continue
            taken: Set[int] = {queue.remove(entry.key).key for entry in action.entries}
            assert taken and len(taken) == len(action.entries)
            if isinstance(action, Shed):
                self.shed.update(dict.fromkeys(taken, now))
                continue
            assert isinstance(action, Dispatch)
            ends.append(device.free_at(now) + self.costs.seconds(action.entries))
            assert len(ends) <= DEPTH and len(taken) <= self.costs.most
            self.passed_over += [(waits, action.entries) for waits in queue.entries]
            self.started.update(dict.fromkeys(taken, now))
            self.done.update(dict.fromkeys(taken, ends[-1]))


several = st.builds(Costs, tables(LENGTHS), st.booleans(), st.booleans())
costs = st.builds(Costs, tables((1,)), st.booleans()) | several
requests = st.lists(
    st.tuples(st.floats(0.0, 5.0), st.floats(0.01, 8.0), st.integers(FIRST, LAST), st.sampled_from(LENGTHS)),
    min_size=1,
    max_size=40,
)


def entries_of(table: Costs, plan: List[Tuple[float, float, int, int]]) -> List[Entry]:
    return [
        Entry(key, at, at + wait, priority, place=table.place(units))
        for key, (at, wait, priority, units) in enumerate(plan)
    ]


@given(costs, requests, st.just(0.0) | st.floats(0.001, 1.0))
def test_each_request_ends_once_and_who_is_let_in_is_done_by_their_deadline(
    table: Costs, plan: List[Tuple[float, float, int, int]], gap: float
) -> None:
    history, entries = History(table), entries_of(table, plan)
    history.play(entries, gap)
    ends = [*history.refused, *history.shed, *history.done]
    assert sorted(ends) == [entry.key for entry in entries], "lost, or ended twice"
    for entry in entries:
        if entry.key in history.refused:
            assert history.refused[entry.key] == entry.arrived, "was made to wait for a refusal"
        elif entry.key in history.done:
            assert history.done[entry.key] <= entry.deadline + 1e-9, "was let in and late"
    assert not history.shed, "was let in and turned away afterwards"


@given(costs, requests)
def test_each_batch_holds_the_most_urgent_and_nobody_is_passed_over_for_ever(
    table: Costs, plan: List[Tuple[float, float, int, int]]
) -> None:
    history = History(table)
    history.play(entries_of(table, plan))
    for waits, batch in history.passed_over:
        assert min(runs.rank for runs in batch) < waits.rank
        assert min(runs.arrived for runs in batch) <= waits.deadline + (LAST - FIRST) * STEP_S
        if len(table.lengths) == 1 or table.packs:
            assert max(runs.rank for runs in batch) < waits.rank


@given(costs, st.lists(st.sampled_from(LENGTHS), min_size=1, max_size=20))
def test_a_burst_without_hurry_is_let_in_whole_and_done_as_soon_as_the_table_allows(
    table: Costs, units: List[int]
) -> None:
    history, entries = History(table), entries_of(table, [(0.0, 1e6, NORMAL, one) for one in units])
    history.play(entries)
    assert not history.refused
    assert max(history.done.values()) <= table.clear(entries) * (1 + 1e-9)
