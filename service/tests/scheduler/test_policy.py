"""The policy with a fake clock: single decisions."""

from __future__ import annotations

from typing import List

import pytest

from hotpath.scheduler.costs import Costs
from hotpath.scheduler.entries import FIRST, LAST, STEP_S, Entry, Queue
from hotpath.scheduler.policy import LEAD_S, Device, Dispatch, Shed, Sleep, admits, decide, worth_a_try

COSTS = Costs({1: {1: 1.0, 2: 1.5, 4: 2.0}})
IDLE = Device(COSTS)


def ranked(*entries: Entry) -> List[Entry]:
    queue = Queue()
    for entry in entries:
        queue.add(entry)
    return list(queue.entries)


def test_an_idle_engine_with_nothing_to_do_sleeps_until_something_arrives() -> None:
    assert decide(0.0, [], IDLE) == Sleep(None)


def test_a_lone_request_is_dispatched_at_once() -> None:
    entry = Entry(1, arrived=0.0, deadline=10.0)
    assert decide(0.0, [entry], IDLE) == Dispatch((entry,))


def test_the_earliest_deadlines_go_first_and_ties_in_order_of_arrival() -> None:
    late, second, first, urgent = Entry(1, 0, 9), Entry(2, 2, 8), Entry(3, 1, 8), Entry(4, 3, 7)
    assert ranked(late, second, first, urgent) == [urgent, first, second, late]
    entries = [Entry(key, 0, 20 - key) for key in range(6)]
    assert decide(3.5, ranked(*entries), IDLE) == Dispatch(tuple(reversed(entries[2:])))


def test_a_priority_counts_as_an_earlier_deadline_and_no_more() -> None:
    usual, pressing = Entry(1, 0, 10.0), Entry(2, 0, 10.0 + STEP_S / 2, priority=4)
    assert ranked(usual, pressing) == [pressing, usual]
    newcomer = Entry(3, 0, 10.0 + (LAST - FIRST) * STEP_S + 0.1, priority=FIRST)
    idler = Entry(4, 0, 10.0, priority=LAST)
    assert ranked(newcomer, idler) == [idler, newcomer], "nobody is passed over for ever"


def test_what_can_not_be_in_time_is_shed_before_anything_runs() -> None:
    expired, hopeless, alive = Entry(1, 0.0, 1.0), Entry(2, 0.0, 1.9), Entry(3, 0.0, 2.0)
    assert decide(1.0, [expired, hopeless, alive], IDLE) == Shed((expired, hopeless))
    assert decide(1.0, [alive], IDLE) == Dispatch((alive,))
    assert decide(1.0, [alive], Device(COSTS, ends=(1.5,))) == Shed((alive,)), (
        "the device is not free in time"
    )


def test_the_second_batch_waits_until_the_first_is_about_to_end() -> None:
    queue = [Entry(1, 0.0, 50.0)]
    assert decide(1.0, queue, Device(COSTS, ends=(3.0,))) == Sleep(3.0 - LEAD_S)
    assert decide(3.0 - LEAD_S, queue, Device(COSTS, ends=(3.0,))) == Dispatch(tuple(queue))
    assert decide(3.0, queue, Device(COSTS, ends=(3.0, 4.0))) == Sleep(49.0), "two are enough"


def test_a_full_second_batch_goes_at_once() -> None:
    queue = ranked(*(Entry(key, 0.0, 50.0) for key in range(5)))
    assert decide(1.0, queue, Device(COSTS, ends=(3.0,))) == Dispatch(tuple(queue[:4]))


def test_a_batch_is_made_smaller_for_one_that_is_in_a_hurry() -> None:
    hurried, *others = queue = ranked(Entry(0, 0.0, 1.6), *(Entry(key, 0.0, 50.0) for key in range(1, 4)))
    assert decide(0.0, queue, IDLE) == Dispatch((hurried, others[0])), "1.5 s for two, 2 s for four"


def test_a_group_runs_with_nobody_beside_it() -> None:
    queue = ranked(Entry(1, 0.0, 9.0), Entry(2, 0.0, 50.0, group=7), Entry(3, 0.0, 50.0, group=7))
    assert decide(0.0, queue, IDLE) == Dispatch(tuple(queue[:2]))
    assert {entry.key for entry in queue[:2]} == {2, 3}
    busy = Device(COSTS, ends=(0.5,))
    assert isinstance(decide(0.4999, queue, busy), Sleep), "not even right behind another"
    beside = Device(COSTS, ends=(0.5,), grouped=True)
    assert isinstance(decide(0.4999, [Entry(1, 0.0, 9.0)], beside), Sleep)


def test_who_would_be_late_or_make_another_late_is_not_let_in() -> None:
    queue = ranked(*(Entry(key, 0.0, 2.2) for key in range(4)))
    more = Entry(9, 0.0, 50.0)
    assert admits(0.0, [*queue, more], more, IDLE)
    hurried = Entry(9, 0.0, 1.2)
    assert not admits(0.0, ranked(*queue, hurried), hurried, IDLE), "the others would start at 1.0"
    assert admits(0.0, [hurried], hurried, IDLE)
    late = Entry(9, 0.0, 2.4)
    assert not admits(0.0, ranked(*queue, late), late, IDLE)


@pytest.mark.parametrize(("priority", "longest"), [(1, 10.0), (5, 6.0), (9, 2.0)])
def test_the_less_urgent_are_turned_away_first(priority: int, longest: float) -> None:
    assert worth_a_try(longest - 0.01, 1.0, 11.0, priority)
    assert not worth_a_try(longest + 0.01, 1.0, 11.0, priority)


def test_nobody_waits_who_could_not_be_in_time_even_alone() -> None:
    assert worth_a_try(0.0, 1.0, 1.0, LAST)
    assert not worth_a_try(0.0, 1.0, 0.9, FIRST)


LONG = Costs({16: {1: 1.0, 2: 1.5, 4: 2.0}, 64: {1: 4.0, 2: 7.0, 4: 14.0}})


def test_a_long_one_is_run_in_its_turn_and_short_ones_behind_it_wait_for_that_alone() -> None:
    long, *short = queue = ranked(
        Entry(0, 0.0, 90.0, place=1), *(Entry(key, 0.0, 91.0) for key in range(1, 4))
    )
    assert decide(0.0, queue, Device(LONG)) == Dispatch((long,))
    assert decide(4.0, short, Device(LONG)) == Dispatch(tuple(short))


def test_each_is_shed_by_what_its_own_length_takes() -> None:
    long, short = ranked(Entry(1, 0.0, 3.9, place=1), Entry(2, 0.0, 3.9))
    assert decide(0.0, [long, short], Device(LONG)) == Shed((long,))
    assert decide(0.0, [short], Device(LONG)) == Dispatch((short,))


def test_who_waits_for_a_hurried_one_of_another_length_is_left_out_of_its_batch() -> None:
    free = Costs({16: {1: 1.0, 2: 1.5, 4: 2.0}, 64: {1: 1.8, 2: 1.9, 4: 2.1}})
    hurried, long, short = queue = ranked(Entry(0, 0.0, 1.6), Entry(1, 0.0, 9.0, place=1), Entry(2, 0.0, 9.5))
    assert decide(0.0, queue, Device(free)) == Dispatch((hurried, short)), "2 s for all, 1.5 s for these"
    patient = [Entry(0, 0.0, 8.0), long, short]
    assert decide(0.0, patient, Device(free)) == Dispatch(tuple(patient))


def test_a_long_one_that_would_make_short_ones_late_is_not_let_in() -> None:
    queue = [Entry(key, 0.0, 5.0) for key in range(2)]
    urgent = Entry(9, 0.0, 4.5, priority=FIRST, place=1)
    assert not admits(0.0, ranked(*queue, urgent), urgent, Device(LONG)), "they would be done at 5.5"
    patient = Entry(9, 0.0, 7.0, place=1)
    assert admits(0.0, ranked(*queue, patient), patient, Device(LONG)), "it goes behind them"


def test_a_second_batch_is_full_by_what_has_the_most_urgent_ones_length() -> None:
    long, short = Entry(0, 0.0, 50.0, place=1), [Entry(key, 0.0, 60.0) for key in range(1, 5)]
    busy = Device(LONG, ends=(3.0,))
    assert decide(1.0, ranked(long, *short), busy) == Sleep(3.0 - LEAD_S)
    later = Entry(0, 0.0, 70.0, place=1)
    assert decide(1.0, ranked(later, *short), busy) == Dispatch(tuple(short))


def test_a_long_ones_own_time_is_no_part_of_what_it_may_wait() -> None:
    def lets_in(priority: int) -> bool:
        entry = Entry(1, 0.0, 5.5, priority, place=1)
        return admits(0.0, [entry], entry, Device(LONG, ends=(1.0,)))

    assert lets_in(FIRST) and not lets_in(5), "it has 1.5 s to spare: 60 % is less than it waits"


def test_where_rows_are_packed_a_batch_that_is_made_smaller_passes_nobody_over() -> None:
    packed = Costs({16: {1: 1.0, 2: 1.5, 4: 2.0}, 64: {1: 1.2, 2: 1.7, 4: 2.2}}, packs=True)
    queue = ranked(Entry(0, 0.0, 1.65), Entry(1, 0.0, 9.0, place=1), Entry(2, 0.0, 9.5))
    assert decide(0.0, queue, Device(packed)) == Dispatch(tuple(queue[:2]))
