"""A request of hundreds of items, which come in waves, beside others that ask for one."""

from __future__ import annotations

import pytest

from hotpath.scheduler.costs import Costs
from hotpath.scheduler.entries import Entry, Queue
from hotpath.scheduler.policy import Device, Dispatch, admits, decide

ITEM_S = 0.01
COSTS = Costs({1: {1: ITEM_S, 2: 2 * ITEM_S, 4: 4 * ITEM_S, 8: 8 * ITEM_S}})
ALLOWED_S = 10.0


@pytest.mark.parametrize("inside", [4, 16, 60])
def test_one_item_waits_for_what_is_inside_of_a_large_request_and_not_for_all_of_it(inside: int) -> None:
    """The large one has `inside` items here at a time, and hands in the next when one is done."""
    queue, now, left, single = Queue(), 0.0, 300, 0.5
    for key in range(inside):
        queue.add(Entry(key, now, ALLOWED_S))
    done_at = 0.0
    while not done_at:
        action = decide(now, queue.entries, Device(COSTS))
        assert isinstance(action, Dispatch)
        now += COSTS.seconds(action.entries)
        for entry in action.entries:
            queue.remove(entry.key)
            if entry.key == -1:
                done_at = now
            elif left:
                left -= 1
                queue.add(Entry(1000 + left, now, ALLOWED_S, behind=now))
        if single and now >= single:
            asked = Entry(-1, now, now + ALLOWED_S)
            queue.add(asked)
            assert admits(now, queue.entries, asked, Device(COSTS))
            single = 0.0
    assert left > 0, "it was answered after all of the large one"
    assert done_at - 0.5 <= (inside + 2 * COSTS.most) * ITEM_S


def test_a_large_request_is_not_passed_over_for_ever() -> None:
    """What comes later than an item of a late wave is behind it, whatever has been at its request before."""
    wave, later = Entry(1, 3.0, ALLOWED_S, behind=3.0), Entry(2, 3.1, 3.1 + ALLOWED_S)
    assert wave.rank < later.rank
