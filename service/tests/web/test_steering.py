"""A worker follows the supervisor's offers and tells what it still needs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Awaitable, Callable, List

from support.classifying import described

from hotpath.core import ModelError, ModelIdentity
from hotpath.http.catalogue import Catalogue
from hotpath.http.steering import Steering
from hotpath.ipc.channel import link
from hotpath.ipc.offers import MAX_BYTES, Offer, Offers, Report, State
from hotpath.models.built import BuiltModel


def describe(offer: Offer) -> BuiltModel:
    if offer.path == "/gone":
        raise ModelError("It is gone.", "Build it.")
    return described(Path("/m"), ModelIdentity("m", offer.version))


def offer(generation: int, state: State, path: str = "/m") -> Offer:
    return Offer(generation, "m", f"v{generation}", path, "numeric", 0, (generation,), ("cpu",), state, 1.0)


class Wheelhouse:
    """One worker (incarnation 5) and the supervisor's end of its link."""

    def __init__(self) -> None:
        near, self.supervisor = link()
        self.busy = False
        self.followed: List[int] = []
        self.catalogue = Catalogue(Offers(1, (offer(1, State.LIVE),)), lambda seats: True, describe)
        self.steering = Steering(
            5,
            near,
            self.catalogue,
            lambda seats: self.busy,
            lambda offers: self.followed.append(offers.number),
        )

    async def publish(self, *offers: Offers) -> None:
        for item in offers:
            self.supervisor.send(item.encode())
        await asyncio.sleep(0.02)

    def reports(self) -> List[Report]:
        found = []
        while True:
            try:
                found.append(Report.decode(self.supervisor.recv(MAX_BYTES)))
            except BlockingIOError:
                return found


def at_the_wheel(play: Callable[[Wheelhouse], Awaitable[None]]) -> None:
    async def run() -> None:
        house = Wheelhouse()
        house.steering.start()
        await play(house)

    asyncio.run(run())


def test_it_reports_what_it_began_with_and_each_newer_offer_once() -> None:
    async def play(house: Wheelhouse) -> None:
        assert house.reports() == [Report(5, 1)]
        both = (offer(1, State.LIVE), offer(2, State.LOADING))
        await house.publish(Offers(2, both), Offers(2, both))
        assert house.reports() == [Report(5, 2)]
        await house.publish(Offers(1, ()))
        assert house.reports() == [] and house.followed == [2], "sent to this worker's predecessor"

    at_the_wheel(play)


def test_a_draining_generation_is_held_until_its_last_request_is_done() -> None:
    async def play(house: Wheelhouse) -> None:
        with house.catalogue.find("m").held():
            await house.publish(Offers(2, (offer(1, State.DRAINING), offer(2, State.LIVE))))
            assert house.reports()[-1] == Report(5, 2, (1,))
            house.busy = True
        await asyncio.sleep(0.12)
        assert house.reports() == [], "its engine still has something of this worker's"
        house.busy = False
        await asyncio.sleep(0.12)
        assert house.reports() == [Report(5, 2, ())]

    at_the_wheel(play)


def test_an_offer_that_can_not_be_read_is_reported_and_the_next_one_followed() -> None:
    async def play(house: Wheelhouse) -> None:
        await house.publish(Offers(2, (offer(1, State.LIVE), offer(2, State.LOADING, "/gone"))))
        assert house.reports()[-1] == Report(5, 1, (), "It is gone. Build it.")
        assert house.catalogue.find("m").offer.generation == 1
        await house.publish(Offers(3, (offer(1, State.LIVE), offer(2, State.DRAINING, "/gone"))))
        assert house.reports()[-1] == Report(5, 3)

    at_the_wheel(play)
