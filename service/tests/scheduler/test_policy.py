"""The policy with a fake clock: single decisions, then whole histories."""

from __future__ import annotations

from typing import Dict, List, Optional, Set, Tuple

from hypothesis import given
from hypothesis import strategies as st

from hotpath.scheduler.policy import Dispatch, Entry, Shed, Sleep, decide


def test_an_idle_engine_with_nothing_to_do_sleeps_until_something_arrives() -> None:
    assert decide(0.0, [], 1, 8) == Sleep(None)


def test_a_lone_request_is_dispatched_at_once() -> None:
    entry = Entry(1, arrived=0.0, deadline=10.0)
    assert decide(0.0, [entry], 1, 8) == Dispatch((entry,))


def test_requests_wait_while_the_device_is_full_and_wake_for_the_first_deadline() -> None:
    queue = [Entry(1, 0.0, 9.0), Entry(2, 0.0, 7.0)]
    assert decide(1.0, queue, 0, 8) == Sleep(7.0)


def test_the_earliest_deadlines_go_first_and_ties_in_order_of_arrival() -> None:
    late, second, first, urgent = Entry(1, 0, 9), Entry(2, 2, 5), Entry(3, 1, 5), Entry(4, 3, 4)
    assert decide(3.5, [late, second, first, urgent], 1, 3) == Dispatch((urgent, first, second))


def test_the_expired_are_shed_before_anything_runs() -> None:
    expired, alive = Entry(1, 0.0, 1.0), Entry(2, 0.0, 2.0)
    assert decide(1.0, [expired, alive], 1, 8) == Shed((expired,))


arrivals = st.lists(
    st.tuples(st.floats(0.0, 5.0), st.floats(0.01, 5.0)),  # arrival, time to its deadline
    max_size=40,
)


@given(arrivals, st.integers(1, 9), st.integers(1, 2), st.floats(0.01, 0.7))
def test_no_request_is_lost_doubled_starved_or_run_late(
    plan: List[Tuple[float, float]], max_batch: int, depth: int, seconds: float
) -> None:
    entries = sorted(
        (Entry(key, at, at + wait) for key, (at, wait) in enumerate(plan)), key=lambda e: e.arrived
    )
    ended: Dict[int, str] = {}
    for when, kind, done, waiting in _history(entries, max_batch, depth, seconds):
        assert not {entry.key for entry in done} & set(ended), "answered twice"
        for entry in done:
            ended[entry.key] = kind
        if kind == "run":
            assert 1 <= len(done) <= max_batch
            assert all(entry.deadline > when for entry in done), "ran what was late"
            assert max(entry.deadline for entry in done) <= min(
                (entry.deadline for entry in waiting), default=float("inf")
            ), "passed over a more urgent one"
        else:
            assert all(entry.deadline <= when for entry in done), "shed what was in time"
    assert set(ended) == {entry.key for entry in entries}, "lost or starved"


def _history(
    entries: List[Entry], max_batch: int, depth: int, seconds: float
) -> List[Tuple[float, str, Tuple[Entry, ...], Tuple[Entry, ...]]]:
    """Play arrivals against a device: (time, "run" or "shed", the entries, what still waited)."""
    events: List[Tuple[float, str, Tuple[Entry, ...], Tuple[Entry, ...]]] = []
    coming = list(entries)
    queue: List[Entry] = []
    running: List[float] = []
    now = 0.0
    while True:
        running = [end for end in running if end > now]
        while coming and coming[0].arrived <= now:
            queue.append(coming.pop(0))
        action = decide(now, queue, depth - len(running), max_batch)
        if isinstance(action, Sleep):
            assert not queue or len(running) == depth, "slept while work and a free device met"
            wakes: List[Optional[float]] = [action.until, *running, *(e.arrived for e in coming[:1])]
            times = [wake for wake in wakes if wake is not None and wake > now]
            if not times:
                assert not queue
                return events
            now = min(times)
            continue
        taken: Set[int] = {entry.key for entry in action.entries}
        assert taken and len(taken) == len(action.entries)
        queue = [entry for entry in queue if entry.key not in taken]
        events.append((now, "run" if isinstance(action, Dispatch) else "shed", action.entries, tuple(queue)))
        if isinstance(action, Dispatch):
            running.append(now + seconds)
