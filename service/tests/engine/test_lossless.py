"""Client, slots, links, loop and policy together, while engines and workers die and clients leave.

Whatever happens in whatever order: each request that a living worker has accepted ends once, with its own
answer; only what fails or kills by itself is failed; and in the end every slot is free.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import List, Tuple

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.classifying import answer
from support.held import POISON, TASK, HeldRunner, Notebook

from hotpath.core import Outcome
from hotpath.engine.gathering import Gathering
from hotpath.engine.loop import EngineLoop
from hotpath.http.engines import LONE_DEATHS, EngineClient, NoEngine
from hotpath.ipc.arena import Arena, SlotClasses
from hotpath.ipc.channel import Channel, link
from hotpath.ipc.marks import Marks
from hotpath.ipc.messages import Hello, Status
from hotpath.ipc.slots import NoFreeSlot, SlotMap, SlotPool
from hotpath.metrics.table import Table
from hotpath.scheduler.costs import Costs

pytestmark = pytest.mark.one_python

SLOTS, MOST = 12, 4
KILLER = 66
"""The image that takes the engine with it."""
NEVER = 1e9


@dataclass
class Asked:
    """A request, what its image holds, and where its answer will be."""

    byte: int
    answer: asyncio.Future[Outcome]


class World:
    """One engine and one worker with what the supervisor makes for them; both die and come again."""

    def __init__(self, lengths: int) -> None:
        """`lengths`: how many the engine's table has; the items are of all of them."""
        self.lengths = lengths
        self.near, self.far = link()
        self.arena, self.marks, self.slots = Arena(SlotClasses(SLOTS, (12,))), Marks(SLOTS), SlotMap(SLOTS)
        self.table = Table(1, ["0/cpu"], MOST)
        self.asked: List[Asked] = []
        self.engine, self.worker, self.count = 0, 0, 0
        self.start_engine()
        self.start_worker()

    def start_engine(self) -> None:
        self.engine += 1
        self.runner = HeldRunner(Notebook())
        channel = Channel(self.far)
        channel.send(Hello(self.engine))
        table = {1 + number: {1: 0.0, MOST: number * 1e-6} for number in range(self.lengths)}
        costs, row = Costs(table), self.table.engines[0]
        row.set("hotpath_engine_ready", 1.0)
        self.loop = EngineLoop(
            self.engine,
            self.runner,
            [channel],
            self.arena,
            self.marks,
            TASK.inputs,
            costs,
            row,
            Gathering([], 1),
        )

    def start_worker(self) -> None:
        """The supervisor frees what a dead one held; the connections died with it."""
        self.slots.reclaim(0)
        self.asked = []
        self.worker += 1
        self.client = EngineClient(self.worker, [Channel(self.near)], self.marks, self.table)
        self.client.start()
        self.pool = SlotPool(self.slots, 0, range(SLOTS), lambda _: None)

    def submit(self, byte: int, priority: int) -> None:
        try:
            with self.pool.lease() as lease:
                self.arena.item(lease.slot, TASK.inputs)[0][:] = numpy.uint8(byte)
                units = 1 + byte % self.lengths
                self.asked.append(Asked(byte, self.client.submit(lease, [0], NEVER, priority, units)))
        except NoEngine:
            pass  # refused with 503: no engine has answered the new worker yet
        except NoFreeSlot:
            assert self.slots.in_use == SLOTS

    def leave(self, which: int) -> None:
        if self.asked:
            self.asked.pop(which % len(self.asked)).answer.cancel()

    def run(self) -> None:
        """The batch that is first at the device ends, or ends the engine."""
        if not self.runner.held:
            return
        if any(int(image.flat[0]) == KILLER for (image,) in self.runner.held[0].items):
            self.crash()
        else:
            self.runner.release()

    def crash(self) -> None:
        """The engine dies with its first batch, if there is one, on the device."""
        if self.runner.held:
            self.runner.held[0].mark()
        self.start_engine()

    async def settle(self) -> None:
        """Let every message arrive and be acted on."""
        for _ in range(4):
            self.loop.poll(0.0)
            while self.loop.step() == 0.0:
                pass
            for _ in range(3):
                await asyncio.sleep(0)


bytes_ = st.one_of(st.integers(0, 12), st.sampled_from([POISON, KILLER]))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), bytes_, st.integers(1, 9)),
        st.tuples(st.just("submit"), bytes_, st.integers(1, 9)),
        st.tuples(st.just("leave"), st.integers(0, 11), st.just(0)),
        st.tuples(st.just("run"), st.just(0), st.just(0)),
        st.tuples(st.sampled_from(["crash", "restart", "settle"]), st.just(0), st.just(0)),
    ),
    max_size=60,
)


@settings(max_examples=200)
@given(steps, st.sampled_from([1, 3]))
def test_nothing_is_lost_doubled_or_mixed_up_whoever_dies(
    history: List[Tuple[str, int, int]], lengths: int
) -> None:
    async def play() -> None:
        world = World(lengths)
        await world.settle()
        crashes = 0
        for step, number, priority in history:
            if step == "submit":
                world.submit(number, priority)
            elif step == "leave":
                world.leave(number)
            elif step == "run":
                world.run()
            elif step == "restart":
                world.start_worker()
            elif (
                step == "crash" and crashes < LONE_DEATHS - 1
            ):  # more could look like the request's own doing
                crashes += 1
                world.crash()
            else:
                await world.settle()
        for _ in range(20 * SLOTS):
            await world.settle()
            world.run()
        await world.settle()
        for asked in world.asked:
            assert asked.answer.done(), "it was accepted and is not answered"
            outcome = asked.answer.result()
            if asked.byte in (POISON, KILLER):
                assert outcome.status == Status.FAILED
            else:
                assert outcome.status == Status.OK, "an innocent was failed"
                assert outcome.answer == answer(asked.byte), "another's answer"
        assert world.slots.in_use == 0 and not world.runner.held

    asyncio.run(play())
