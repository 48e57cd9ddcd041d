"""What is offered is taken once, and comes back whole or not at all, whoever is killed when."""

from __future__ import annotations

import mmap
import os
import random
import signal
import struct
import time
from typing import Dict, Tuple

import pytest

from hotpath.ipc.slots import SlotMap
from hotpath.sharing.trays import Job, Reply, Trays, Undone

pytestmark = pytest.mark.one_python

BODY = b"what was sent"


def job(slot: int = 3, note: bytes = b"note") -> Job:
    return Job(7, slot, 1.5, True, note)


def test_an_offer_is_taken_once_and_its_outcome_comes_back() -> None:
    trays = Trays(2, 1000)
    tray = trays.offer(0, 4, job(), BODY)
    assert tray is not None and trays.waits(tray) and trays.outcome(tray) is None
    ((found, deadline, node),) = trays.offers()
    assert (found, deadline, node) == (tray, 1.5, 4)
    assert trays.take(tray, 1) == job() and trays.body(tray) == BODY
    assert trays.take(tray, 2) is None and not trays.withdraw(tray) and not trays.offers()
    assert trays.finish(tray, Reply(5, 0.25, b"found")) == 0
    assert trays.outcome(tray) == Reply(5, 0.25, b"found")
    trays.free(tray)
    assert trays.in_use == 0


def test_what_is_withdrawn_can_not_be_taken_and_leaves_room_for_another() -> None:
    trays = Trays(1, 1000)
    tray = trays.offer(0, None, job(), BODY)
    assert tray is not None and trays.offer(1, None, job(), BODY) is None
    assert trays.withdraw(tray)
    assert trays.take(tray, 1) is None
    assert trays.offer(1, None, job(), BODY) == tray


def test_what_is_too_large_finds_no_place() -> None:
    trays = Trays(1, mmap.PAGESIZE)
    assert trays.offer(0, None, job(), bytes(mmap.PAGESIZE + 1)) is None
    assert trays.offer(0, None, job(note=bytes(257)), BODY) is None
    assert trays.in_use == 0
    assert trays.offer(0, None, job(), bytes(mmap.PAGESIZE)) == 0


def test_memory_of_a_large_body_goes_back() -> None:
    trays = Trays(1, 8 << 20)
    begun = _shared_kib()
    tray = trays.offer(0, None, job(), b"x" * (8 << 20))
    assert tray is not None and _shared_kib() - begun > 7000
    trays.withdraw(tray)
    assert _shared_kib() - begun < 1000


def _shared_kib() -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssShmem"))


def test_of_a_dead_taker_the_owner_learns_that_it_is_lost() -> None:
    trays = Trays(2, 1000)
    tray = trays.offer(0, None, job(), BODY)
    assert tray is not None and trays.take(tray, 1)
    trays.reclaim(1)
    assert trays.outcome(tray) == Undone(died=True)


def test_of_a_dead_owner_all_is_freed_but_what_somebody_works_at() -> None:
    trays = Trays(4, 1000)
    _, taken, done, others = (
        trays.offer(owner, None, job(slot), BODY) for slot, owner in enumerate((0, 0, 0, 1))
    )
    assert taken is not None and done is not None and others is not None
    trays.take(taken, 2)
    trays.take(done, 2)
    trays.finish(done, None)
    trays.reclaim(0)
    assert trays.held(0) == [taken] and trays.slot(taken) == 1
    assert [offer.tray for offer in trays.offers()] == [others]
    assert trays.finish(taken, None) == 0, "the successor is told"
    assert trays.outcome(taken) == Undone(died=False)


SLOTS, WORKERS, TRAYS = 6, 4, 5


def test_workers_killed_at_any_instant_lose_nothing_and_take_nothing_for_anothers() -> None:
    """Each offers, takes and withdraws without pause, and fills slots; each is killed again and again."""
    slots, trays = SlotMap(SLOTS), Trays(TRAYS, 1000)
    arena, wrong, right = mmap.mmap(-1, SLOTS * 8), mmap.mmap(-1, WORKERS), mmap.mmap(-1, WORKERS * 8)
    chance = random.Random(0)

    def begin(worker: int) -> int:
        pid = os.fork()
        if not pid:
            try:
                _churn(worker, slots, trays, arena, wrong, right)
            finally:
                os._exit(1)
        return pid

    running = {worker: begin(worker) for worker in range(WORKERS)}
    for turn in range(100):
        worker = turn % WORKERS
        time.sleep(chance.uniform(0.0, 0.006))
        _bury(running[worker], worker, slots, trays)
        running[worker] = begin(worker)
    for worker, pid in running.items():
        _bury(pid, worker, slots, trays)
    for worker in range(WORKERS):  # what takers left behind of owners that died before them
        trays.reclaim(worker)
        slots.reclaim(worker)
    assert not any(wrong[:]), (
        f"workers {[n for n, bad in enumerate(wrong[:]) if bad]} found what was not theirs"
    )
    assert (slots.in_use, trays.in_use, trays.on_offer) == (0, 0, 0)
    assert all(count > 0 for count in struct.unpack(f"<{WORKERS}Q", right[:])), (
        "some had nothing done by others"
    )


def _bury(pid: int, worker: int, slots: SlotMap, trays: Trays) -> None:
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), "it ended by itself"
    trays.reclaim(worker)
    slots.reclaim(worker, [trays.slot(tray) for tray in trays.held(worker)])


def _churn(
    me: int, slots: SlotMap, trays: Trays, arena: mmap.mmap, wrong: mmap.mmap, right: mmap.mmap
) -> None:
    """What a worker does, without anybody's decoding: a body is a number, and belongs into its slot."""
    chance = random.Random(os.getpid())
    numbers = os.getpid() << 20
    left = {tray: trays.slot(tray) for tray in trays.held(me)}
    mine: Dict[int, Tuple[int, int]] = {}
    while True:
        for tray in [tray for tray in left if trays.outcome(tray) is not None]:
            trays.free(tray)
            slots.free(left.pop(tray))
        for tray, (number, slot) in list(mine.items()):
            outcome = trays.outcome(tray)
            if isinstance(outcome, Reply):
                said = struct.unpack_from("<Q", arena, slot * 8)[0], struct.unpack("<Q", outcome.found)[0]
                wrong[me] |= said != (number, number)
                struct.pack_into("<Q", right, me * 8, struct.unpack_from("<Q", right, me * 8)[0] + 1)
            if outcome is not None:
                trays.free(tray)
            elif chance.random() > 0.1 or not trays.withdraw(tray):
                continue
            del mine[tray]
            slots.free(slot)
        found = slots.take(me) if len(mine) < 2 else None
        if found is not None:
            numbers += 1
            offered = trays.offer(me, None, job(found), struct.pack("<Q", numbers) * 9)
            if offered is None:
                slots.free(found)
            else:
                mine[offered] = numbers, found
        for offer in trays.offers():
            if offer.tray not in mine:
                got = trays.take(offer.tray, me)
                if got is not None:
                    parts = set(struct.unpack("<9Q", trays.body(offer.tray)))
                    wrong[me] |= len(parts) != 1
                    number = parts.pop()
                    struct.pack_into("<Q", arena, got.slot * 8, number)
                    trays.finish(offer.tray, Reply(1, 0.0, struct.pack("<Q", number)))
                    break
