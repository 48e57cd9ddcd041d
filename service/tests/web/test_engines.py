"""A worker's client of the engines, against a scripted engine."""

from __future__ import annotations

import asyncio
import time
from typing import Awaitable, Callable, List, Type, TypeVar

import pytest
from support.server import PATIENCE_S

from hotpath.core import Outcome
from hotpath.http.engines import LONE_DEATHS, EngineClient, NoEngine, Outlook
from hotpath.ipc.channel import Channel, link
from hotpath.ipc.marks import Marks
from hotpath.ipc.messages import Attach, Cancel, Hello, Message, Result, Standing, Status, Submit
from hotpath.ipc.slots import SlotMap, SlotPool
from hotpath.metrics.table import Table

DONE = Outcome(Status.OK, b"answer", 1, 0.0, 0.0)
M = TypeVar("M", bound=Message)


class Stage:
    """One client (incarnation 5) and the engine's end of its only link."""

    def __init__(self) -> None:
        near, far = link()
        self.engine = Channel(far)
        self.marks = Marks(4)
        self.table = Table(1, ["0/cpu"], 8)
        self.pool = SlotPool(SlotMap(4), 0, range(4), lambda _: None)
        self.client = EngineClient(5, [Channel(near)], self.marks, self.table)
        self.heard: List[Message] = []

    async def hello(self, incarnation: int) -> None:
        self.table.engines[0].set("hotpath_engine_ready", 1.0)
        self.engine.send(Hello(incarnation))
        await self.settle()

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
            self.heard.extend(self.engine.receive())

    def sent(self, kind: Type[M]) -> List[M]:
        return [message for message in self.heard if isinstance(message, kind)]

    def submit(self) -> asyncio.Future[Outcome]:
        with self.pool.lease() as lease:
            return self.client.submit(lease, [0], 1e9)


def on_stage(play: Callable[[Stage], Awaitable[None]]) -> None:
    async def run() -> None:
        stage = Stage()
        stage.client.start()
        await play(stage)

    asyncio.run(run())


def test_it_attaches_first_and_refuses_work_before_the_engine_says_hello() -> None:
    async def play(stage: Stage) -> None:
        await stage.settle()
        assert stage.heard == [Attach(5)]
        assert not stage.client.ready([0])
        with pytest.raises(NoEngine):
            stage.submit()
        assert stage.pool.in_use == 0
        await stage.hello(1)
        assert stage.client.ready([0]) and not stage.client.ready([])

    on_stage(play)


def test_an_answer_settles_its_request_and_frees_the_slot() -> None:
    async def play(stage: Stage) -> None:
        await stage.hello(1)
        answer = stage.submit()
        await stage.settle()
        (message,) = stage.sent(Submit)
        assert (message.worker, message.engine, stage.pool.in_use) == (5, 1, 1)
        stage.engine.send(Result(5, message.request, DONE))
        assert await answer == DONE
        assert stage.pool.in_use == 0

    on_stage(play)


def test_answers_to_a_past_incarnation_of_the_worker_are_dropped() -> None:
    async def play(stage: Stage) -> None:
        await stage.hello(1)
        answer = stage.submit()
        await stage.settle()
        stage.engine.send(Result(4, stage.sent(Submit)[0].request, DONE))
        await stage.settle()
        assert not answer.done() and stage.pool.in_use == 1

    on_stage(play)


def test_a_left_request_is_cancelled_and_its_slot_stays_taken_until_confirmed() -> None:
    async def play(stage: Stage) -> None:
        await stage.hello(1)
        stage.submit().cancel()
        await stage.settle()
        (cancel,) = stage.sent(Cancel)
        assert stage.pool.in_use == 1
        stage.engine.send(Result(5, cancel.request, Outcome(Status.CANCELLED, None, 0, 0.0, 0.0)))
        await stage.settle()
        assert stage.pool.in_use == 0

    on_stage(play)


def test_a_new_engine_is_sent_what_the_old_one_owed_and_left_requests_are_settled() -> None:
    async def play(stage: Stage) -> None:
        await stage.hello(1)
        answer, left = stage.submit(), stage.submit()
        left.cancel()
        await stage.hello(2)
        first, _, again = stage.sent(Submit)
        assert (again.engine, again.request, again.slot) == (2, first.request, first.slot)
        assert stage.pool.in_use == 1
        stage.engine.send(Result(5, again.request, DONE))
        assert await answer == DONE

    on_stage(play)


def test_who_was_running_when_an_engine_died_is_suspect_from_then_on_and_the_others_are_not() -> None:
    async def play(stage: Stage) -> None:
        await stage.hello(1)
        ran, waited = stage.submit(), stage.submit()
        await stage.settle()
        first, second = stage.sent(Submit)
        stage.marks.ran(first.slot, 1, first.request, alone=False)
        await stage.hello(2)
        assert [message.standing for message in stage.sent(Submit)[2:]] == [Standing.SUSPECT, Standing.AGAIN]
        await stage.hello(3)
        again = [message.standing for message in stage.sent(Submit)[4:]]
        assert again == [Standing.SUSPECT, Standing.AGAIN]
        assert not ran.done() and not waited.done()
        assert second.standing is Standing.NEW

    on_stage(play)


def test_a_request_is_given_up_when_engines_keep_dying_while_they_run_it_alone() -> None:
    async def play(stage: Stage) -> None:
        await stage.hello(1)
        poison, innocent = stage.submit(), stage.submit()
        await stage.settle()
        for engine in range(1, 10):
            if poison.done():
                break
            message = stage.sent(Submit)[-2]
            # At first they ran together, then the poison by itself.
            stage.marks.ran(message.slot, engine, message.request, alone=engine > 1)
            await stage.hello(engine + 1)
        assert engine - 1 == 1 + LONE_DEATHS
        assert (await poison).status == Status.FAILED
        assert not innocent.done() and stage.pool.in_use == 1

    on_stage(play)


def test_the_outlook_is_that_of_the_engine_that_is_free_first() -> None:
    async def play(stage: Stage) -> None:
        assert stage.client.outlook([0]) == Outlook(0.0, 0.0), "nothing is foretold before it is warm"
        await stage.hello(1)
        row = stage.table.engines[0]
        row.set("hotpath_warm_batch_seconds", 0.5, ("0", "1"))
        row.set("hotpath_engine_pace_ratio", 2.0)
        assert stage.client.outlook([0]) == Outlook(0.0, 1.0)
        row.set("hotpath_engine_clear_at_seconds", time.monotonic() + 100.0)
        assert 90.0 < stage.client.outlook([0]).wait <= 100.0

    on_stage(play)


def test_the_outlook_of_an_item_is_that_of_its_length() -> None:
    async def play(stage: Stage) -> None:
        await stage.hello(1)
        row = stage.table.engines[0]
        row.set("hotpath_engine_pace_ratio", 1.0)
        for place, length, seconds in (("0", 16, 0.5), ("1", 64, 2.0)):
            row.set("hotpath_warm_length_units", length, (place,))
            row.set("hotpath_warm_batch_seconds", seconds, (place, "1"))
        found = [stage.client.outlook([0], units).lone for units in (1, 16, 17, 64, 999)]
        assert found == [0.5, 0.5, 2.0, 2.0, 2.0]

    on_stage(play)


def test_an_engine_is_told_how_long_an_item_is_and_its_successor_too() -> None:
    async def play(stage: Stage) -> None:
        await stage.hello(1)
        with stage.pool.lease() as lease:
            answer = stage.client.submit(lease, [0], 1e9, units=40)
        await stage.hello(2)
        assert [message.units for message in stage.sent(Submit)] == [40, 40]
        stage.engine.send(Result(5, stage.sent(Submit)[-1].request, DONE))
        await stage.settle()
        assert (await answer) == DONE and not stage.client.busy([0])

    on_stage(play)


class Choice:
    """A client of two warm engines that take so long for an image of a full batch."""

    def __init__(self, milliseconds: float) -> None:
        links = [link() for _ in range(2)]
        self.engines = [Channel(far) for _, far in links]
        self.table = Table(1, ["0/cpu", "1/cpu"], 8)
        self.pool = SlotPool(SlotMap(8), 0, range(8), lambda _: None)
        self.client = EngineClient(5, [Channel(near) for near, _ in links], Marks(8), self.table)
        for row in self.table.engines:
            row.set("hotpath_engine_ready", 1.0)
            row.set("hotpath_engine_pace_ratio", 1.0)
            row.set("hotpath_engine_unit_seconds", milliseconds / 1000)

    def busy_for(self, engine: int, seconds: float) -> None:
        self.table.engines[engine].set("hotpath_engine_clear_at_seconds", time.monotonic() + seconds)

    def chosen(self, requests: int, units: int = 1) -> List[int]:
        """How many of so many requests each engine gets, none of which it has heard of meanwhile."""

        async def play() -> List[int]:
            self.client.start()
            for engine in self.engines:
                engine.send(Hello(1))
            await asyncio.sleep(0.01)
            for _ in range(requests):
                with self.pool.lease() as lease:
                    self.client.submit(lease, [0, 1], 1e9, units=units)
            return [sum(isinstance(item, Submit) for item in engine.receive()) for engine in self.engines]

        return asyncio.run(play())


def test_images_that_take_no_time_go_together() -> None:
    assert Choice(milliseconds=0.01).chosen(6) == [6, 0]


def test_images_that_take_no_time_by_the_table_go_together_however_busy_others_make_the_processors() -> None:
    choice = Choice(milliseconds=0.01)
    for row in choice.table.engines:
        row.set("hotpath_engine_pace_ratio", 20.0)
    choice.busy_for(0, 0.01)
    assert choice.chosen(6) == [6, 0], "by the table it is half a millisecond"


def test_images_that_take_time_are_shared_out() -> None:
    assert Choice(milliseconds=3.0).chosen(6) == [3, 3]
    assert Choice(milliseconds=0.01).chosen(6, units=300) == [3, 3], "as long as that many short ones"


@pytest.mark.parametrize("milliseconds", [0.01, 3.0])
def test_an_engine_that_others_keep_busy_is_passed_over(milliseconds: float) -> None:
    choice = Choice(milliseconds)
    choice.busy_for(0, 60.0)
    assert choice.chosen(2) == [0, 2]


def test_a_new_worker_waits_until_warm_engines_know_it_but_for_no_others() -> None:
    async def play(stage: Stage) -> None:
        await asyncio.wait_for(stage.client.wait_for_engines(1e9), PATIENCE_S)  # none is warm
        stage.table.engines[0].set("hotpath_engine_ready", 1.0)
        waits = asyncio.ensure_future(stage.client.wait_for_engines(1e9))
        await stage.settle()
        assert not waits.done() and not stage.client.ready([0])
        stage.engine.send(Hello(1))
        await asyncio.wait_for(waits, PATIENCE_S)
        assert stage.client.ready([0])

    on_stage(play)


def test_a_new_worker_does_not_wait_for_ever() -> None:
    async def play(stage: Stage) -> None:
        stage.table.engines[0].set("hotpath_engine_ready", 1.0)
        await asyncio.wait_for(stage.client.wait_for_engines(0.01), PATIENCE_S)
        assert not stage.client.ready([0])

    on_stage(play)
