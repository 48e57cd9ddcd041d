"""Slots are shared by all workers, come back exactly once, and only when nobody works on them."""

from __future__ import annotations

import mmap
import os
import random
import signal
import time
from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.ipc.arena import slots_of
from hotpath.ipc.slots import NoFreeSlot, SlotMap, SlotPool

pytestmark = pytest.mark.one_python


def pool_of(slots: SlotMap, worker: int = 0, first: int = 0) -> SlotPool:
    return SlotPool(slots, worker, range(first, slots.slots), lambda _: None)


@given(st.integers(1, 16), st.integers(1, 300))
def test_the_homes_of_the_workers_cover_the_slots_without_gap_or_overlap(workers: int, slots: int) -> None:
    homes = [slots_of(worker, workers, slots) for worker in range(workers)]
    assert [slot for home in homes for slot in home] == list(range(slots))
    assert max(map(len, homes)) - min(map(len, homes)) <= 1


def test_one_worker_may_take_every_slot_its_home_first() -> None:
    seen: List[int] = []
    slots = SlotMap(4)
    pool = SlotPool(slots, 1, range(2, 4), seen.append)
    leases = [pool.lease() for _ in range(4)]
    assert [lease.slot for lease in leases] == [2, 3, 0, 1]
    for other in (pool, pool_of(slots)):
        with pytest.raises(NoFreeSlot):
            other.lease()
    leases[2].give_back()
    assert pool_of(slots).lease().slot == 0, "what one worker gives back, another may take"
    assert seen == [1, 2, 3, 4, 3]


def test_a_slot_stays_taken_until_its_last_borrower_is_done() -> None:
    slots = SlotMap(1)
    pool = pool_of(slots)
    with pytest.raises(RuntimeError), pool.lease() as lease:
        lease.borrow()
        raise RuntimeError("the request failed")
    assert (pool.in_use, slots.in_use) == (1, 1)
    lease.give_back()
    assert (pool.in_use, slots.in_use) == (0, 0)


def test_a_dead_workers_slots_come_back_and_only_its_own() -> None:
    slots = SlotMap(5)
    kept = pool_of(slots, worker=0).lease()
    lost = [pool_of(slots, worker=1).lease() for _ in range(3)]
    assert slots.reclaim(1) == len(lost)
    assert slots.in_use == 1
    assert pool_of(slots, worker=2).lease().slot != kept.slot


def test_workers_killed_at_any_instant_lose_no_slot_and_share_none() -> None:
    """Three processes take and free without pause over four slots; each is killed again and again."""
    slots, rounds, workers = SlotMap(4), 150, 3
    users = mmap.mmap(-1, slots.slots)
    collisions = mmap.mmap(-1, workers)
    chance = random.Random(0)
    running = {worker: _hammer(slots, worker, users, collisions) for worker in range(workers)}
    for turn in range(rounds):
        worker = turn % workers
        time.sleep(chance.uniform(0.0, 0.004))
        os.kill(running[worker], signal.SIGKILL)
        os.waitpid(running[worker], 0)
        slots.reclaim(worker)
        running[worker] = _hammer(slots, worker, users, collisions)
    for worker, pid in running.items():
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        slots.reclaim(worker)
    assert slots.in_use == 0
    assert not any(collisions[:]), "two workers held one slot at a time"
    assert [slots.take(0) for _ in range(5)] == [0, 1, 2, 3, None], "every slot can still be taken"


def _hammer(slots: SlotMap, worker: int, users: mmap.mmap, collisions: mmap.mmap) -> int:
    pid = os.fork()
    if pid:
        return pid
    held: List[int] = []
    while True:
        slot = slots.take(worker, worker)
        if slot is not None:
            users[slot] = worker + 1
            held.append(slot)
        if slot is None or len(held) == 2:
            for slot in held:
                if users[slot] != worker + 1:
                    collisions[worker] = 1
                slots.free(slot)
            held.clear()


def test_a_class_of_slots_is_full_by_itself() -> None:
    slots = SlotMap(2, classes=2)
    pool = SlotPool(slots, 0, range(1, 2), lambda _: None)
    assert [pool.lease(kind=1).slot for _ in range(2)] == [3, 2]
    assert slots.full(1) and not slots.full(0) and pool.free(0) == 2
    with pytest.raises(NoFreeSlot):
        pool.lease(kind=1)
    assert pool.lease().slot == 1
    assert slots.reclaim(0) == 3 and slots.in_use == 0
