"""Workers that share one queue: the same code as in the service, on a clock of its own."""

from __future__ import annotations

import asyncio
import heapq
import random
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable, List

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clock import Clock
from support.sharing import Number, Workers

from hotpath.http import exchange
from hotpath.http.exchange import KillsDecoders
from hotpath.ipc.slots import NoFreeSlot

pytestmark = pytest.mark.one_python

FAR = 1e9
"""A deadline."""


class AtOnce(ThreadPoolExecutor):
    """Threads that are none."""

    def submit(self, work: Callable[..., Any], *given: Any, **named: Any) -> Future[Any]:  # type: ignore[override]
        found: Future[Any] = Future()
        found.set_result(work(*given, **named))
        return found


def sojourns(workers: int, share: float, together: bool, requests: int = 2000) -> List[float]:
    """Seconds from arrival to answer, sorted; a decode takes 1 s, and each request comes to any worker."""
    clock, found = Clock(), []
    chance = random.Random(1)

    async def story() -> None:
        crew = Workers([None] * workers, 2000, lambda: 1.0, together)

        async def one(number: int) -> None:
            begun = clock.time()
            assert await crew.decode(chance.randrange(workers), Number(number), begun + FAR) == number
            found.append(clock.time() - begun)

        running = []
        for number in range(requests):
            await asyncio.sleep(chance.expovariate(share * workers))
            running.append(asyncio.ensure_future(one(number)))
        await asyncio.gather(*running)
        assert (crew.slots.in_use, crew.shared.trays.in_use) == (0, 0)

    clock.play(story())
    return sorted(found)


def ideal(workers: int, share: float, requests: int = 2000) -> List[float]:
    """The same with one queue and no way between workers."""
    chance, now, found = random.Random(1), 0.0, []
    free = [0.0] * workers
    for _ in range(requests):
        now += chance.expovariate(share * workers)
        chance.randrange(workers)
        start = max(now, heapq.heappop(free))
        heapq.heappush(free, start + 1.0)
        found.append(start + 1.0 - now)
    return sorted(found)


@pytest.mark.parametrize("share", [0.7, 0.85])
def test_the_tail_is_that_of_one_queue_before_all(share: float) -> None:
    apart, shared = sojourns(22, share, together=False), sojourns(22, share, together=True)
    one = ideal(22, share)
    p99 = int(0.99 * len(one))
    assert shared[p99] <= 1.1 * one[p99] < apart[p99] / 2


def test_each_offer_wakes_one_worker_that_is_free() -> None:
    clock, woken = Clock(), []

    async def story() -> None:
        crew = Workers([None] * 6, 8, lambda: 5.0)
        await asyncio.sleep(1.0)
        wake = crew.shared.board.wake
        crew.shared.board.wake = lambda worker: (woken.append(worker), wake(worker))  # type: ignore
        asked = [asyncio.ensure_future(crew.decode(0, Number(number), FAR)) for number in range(4)]
        await asyncio.sleep(1.0)
        assert sorted(woken) == [1, 2, 3]
        assert await asyncio.gather(*asked) == [0, 1, 2, 3]
        assert woken[3:] == [0, 0, 0], "who asked is told when it is done"

    clock.play(story())


def test_who_was_told_of_an_offer_and_has_something_better_to_do_tells_another() -> None:
    clock, begun = Clock(), []

    async def story() -> None:
        crew = Workers([None] * 3, 8, lambda: 5.0)
        await asyncio.sleep(1.0)
        begun.append(clock.time())
        asked = [crew.decode(0, Number(number), FAR) for number in range(2)]
        assert await asyncio.gather(*asked, crew.decode(1, Number(2), FAR / 2)) == [0, 1, 2]
        assert clock.time() - begun[0] == pytest.approx(5.0)

    clock.play(story())


def test_the_slot_of_a_killed_owner_is_nobodys_until_its_taker_is_done() -> None:
    clock = Clock()

    async def story() -> None:
        crew = Workers([None, None], 2, lambda: 5.0)
        asked = [asyncio.ensure_future(crew.decode(0, Number(number), FAR)) for number in range(2)]
        await asyncio.sleep(1.0)
        assert (crew.slots.in_use, crew.shared.trays.in_use) == (2, 1)
        crew.kill(0)
        crew.revive(0)
        await asyncio.sleep(0.0)
        assert not any(one.done() and not one.cancelled() for one in asked)
        for _ in range(2):
            with crew.pools[1].lease(), pytest.raises(NoFreeSlot):
                crew.pools[1].lease()
            await asyncio.sleep(1.0)
        await asyncio.sleep(3.0)
        assert (crew.slots.in_use, crew.shared.trays.in_use) == (0, 0)

    clock.play(story())


def test_what_a_taker_can_not_do_its_owner_does() -> None:
    clock = Clock()

    async def story() -> None:
        crew = Workers([None, None], 2, lambda: 1.0)
        asked = [asyncio.ensure_future(crew.decode(0, Number(number), FAR)) for number in range(2)]
        crew.catalogue.served.clear()  # neither knows the generation any more
        assert await asyncio.gather(*asked) == [0, 1]
        assert clock.time() - begun == pytest.approx(2.0)

    begun = clock.time()
    clock.play(story())


def test_what_kills_its_decoders_is_told_so() -> None:
    clock = Clock()

    async def story() -> None:
        asyncio.get_running_loop().set_default_executor(AtOnce(1))
        crew = Workers([None, None], 2, lambda: 5.0)
        first, second = (asyncio.ensure_future(crew.decode(0, Number(number), FAR)) for number in range(2))
        await asyncio.sleep(1.0)
        crew.kill(1)
        with pytest.raises(KillsDecoders):
            await second
        assert await first == 0
        assert (crew.slots.in_use, crew.shared.trays.in_use) == (0, 0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exchange, "survives", lambda *_: False)
        clock.play(story())


class Story:
    """What happened to some requests while workers died."""

    def __init__(self, clock: Clock, crew: Workers) -> None:
        self.clock = clock
        self.crew = crew
        self.right: List[int] = []
        self.fatal: List[int] = []
        self.cancelled: List[int] = []
        """Their clients left, or their worker died."""

    async def ask(self, worker: int, number: int, leaves_after: float) -> None:
        """One request; its client may leave. A dead worker takes none."""
        asked = self.crew.decode(worker, Number(number), self.clock.time() + FAR)
        try:
            assert await asyncio.wait_for(asked, leaves_after) == number
            self.right.append(number)
        except KillsDecoders:
            self.fatal.append(number)
        except (asyncio.CancelledError, asyncio.TimeoutError):
            self.cancelled.append(number)

    async def kill(self, worker: int, away: float) -> None:
        """A worker dies; its successor takes a while."""
        if self.crew.lives(worker):
            self.crew.kill(worker)
            await asyncio.sleep(away)
            self.crew.revive(worker)


TIMES = st.floats(0.0, 6.0)
REQUESTS = st.lists(
    st.tuples(st.integers(0, 2), TIMES, st.one_of(st.just(FAR), TIMES)), min_size=1, max_size=14
)
KILLS = st.lists(st.tuples(st.integers(0, 2), TIMES, st.floats(0.0, 2.0)), max_size=6)
NODES = st.lists(st.sampled_from([None, 0, 1]), min_size=3, max_size=3)


@settings(max_examples=50)
@given(REQUESTS, KILLS, NODES, st.integers(0, 100))
def test_nothing_is_lost_doubled_or_anothers_whoever_dies_when(
    requests: List[Any], kills: List[Any], nodes: List[Any], seed: int
) -> None:
    clock, chance = Clock(), random.Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exchange, "survives", lambda *_: True)

        async def story() -> None:
            asyncio.get_running_loop().set_default_executor(AtOnce(1))
            crew = Workers(nodes, 16, lambda: chance.uniform(0.1, 2.0))
            told = Story(clock, crew)

            async def later(seconds: float, what: Any) -> None:
                await asyncio.sleep(seconds)
                await what()

            acts = [
                later(
                    at, lambda worker=worker, number=number, leaves=leaves: told.ask(worker, number, leaves)
                )
                for number, (worker, at, leaves) in enumerate(requests)
            ]
            acts += [
                later(at, lambda worker=worker, away=away: told.kill(worker, away))
                for worker, at, away in kills
            ]
            await asyncio.gather(*acts)
            await asyncio.sleep(10.0)
            ended = sorted(told.right + told.cancelled)
            assert ended == list(range(len(requests))) and not told.fatal
            mortal = {worker for worker, _, _ in kills}
            for number, (worker, _, leaves) in enumerate(requests):
                assert number in told.right or worker in mortal or leaves < FAR, "lost"
            assert (crew.slots.in_use, crew.shared.trays.in_use, crew.shared.trays.on_offer) == (0, 0, 0)

        clock.play(story())
