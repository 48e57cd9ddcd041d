"""Slots come back exactly once, and only when nobody works on them."""

from __future__ import annotations

from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.ipc.arena import slots_of
from hotpath.ipc.slots import NoFreeSlot, SlotPool


@given(st.integers(1, 16), st.integers(0, 300))
def test_workers_share_the_slots_without_gap_or_overlap(workers: int, more: int) -> None:
    slots = workers + more
    shares = [slots_of(worker, workers, slots) for worker in range(workers)]
    assert [slot for share in shares for slot in share] == list(range(slots))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_pool_lends_each_slot_once_and_then_no_more() -> None:
    seen: List[int] = []
    pool = SlotPool(range(3, 5), seen.append)
    leases = [pool.lease(), pool.lease()]
    assert {lease.slot for lease in leases} == {3, 4}
    with pytest.raises(NoFreeSlot):
        pool.lease()
    leases[0].give_back()
    assert pool.lease().slot == leases[0].slot
    assert seen == [1, 2, 1, 2]


def test_a_slot_stays_taken_until_its_last_borrower_is_done() -> None:
    pool = SlotPool(range(1), lambda _: None)
    with pytest.raises(RuntimeError), pool.lease() as lease:
        lease.borrow()
        raise RuntimeError("the request failed")
    assert pool.in_use == 1
    lease.give_back()
    assert pool.in_use == 0
