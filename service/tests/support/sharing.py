"""Workers that share one queue, in one process and on a clock of their own; they can be killed."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, Callable, List, Optional, Sequence, Set, cast

from hotpath.core import TensorSpec
from hotpath.http.catalogue import Catalogue, Served
from hotpath.http.decoding import Decoder
from hotpath.http.works import Own
from hotpath.ipc.arena import Arena, SlotClasses
from hotpath.ipc.slots import SlotMap, SlotPool
from hotpath.metrics.table import Table
from hotpath.sharing.part import Part, Shared
from hotpath.tasks.task import Item, Parcel, Portable

SPECS = (TensorSpec("number", "int64", (1,)),)
BEYOND = 7
"""What decoding makes of a number is so much more."""


class Number(Portable):
    """An item that is a number."""

    def __init__(self, number: int, quick: bool = False) -> None:
        self.number = number
        self.quick = quick
        self.known: Optional[int] = None
        """What its decoding found."""

    def write(self, slot: Item) -> int:
        slot[0][:] = self.number + BEYOND
        self.known = self.number
        return 1

    def is_quick(self) -> bool:
        return self.quick

    def parcel(self) -> Parcel:
        return Parcel(str(self.number).encode() * 100, str(self.number).encode())

    def found(self) -> bytes:
        return str(self.known).encode()

    def learn(self, found: bytes) -> None:
        self.known = int(found)


class Task:
    """Of numbers."""

    inputs = SPECS

    def unpacked(self, parcel: Parcel) -> Portable:
        assert parcel.body == parcel.note * 100
        return Number(int(parcel.note))


class Hand(ThreadPoolExecutor):
    """A thread whose work takes so many seconds of the loop's clock, and whose process may die meanwhile."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        super().__init__(1)
        self._seconds = seconds
        self.dead = False

    def submit(self, work: Callable[..., Any], *given: Any, **named: Any) -> Future[Any]:  # type: ignore[override]
        found: Future[Any] = Future()

        def do() -> None:
            if self.dead:
                return
            try:
                found.set_result(work(*given, **named))
            except Exception as error:
                found.set_exception(error)

        asyncio.get_running_loop().call_later(self._seconds(), do)
        return found


class Mortal(Decoder):
    """One worker, which does nothing any more once it is dead."""

    dead = False

    def _look(self) -> None:
        if not self.dead:
            super()._look()

    def _give_up(self, own: Own) -> None:
        if not self.dead:
            super()._give_up(own)


class Workers:
    """To be made inside the loop."""

    def __init__(
        self,
        nodes: Sequence[Optional[int]],
        slots: int,
        seconds: Callable[[], float],
        together: bool = True,
    ) -> None:
        self.shared = Shared(nodes, 1 << 16)
        self.slots = SlotMap(slots)
        self.arena = Arena(SlotClasses(slots, (64,)))
        self._seconds = seconds
        self._together = together
        self._table = Table(len(nodes), [], 1, ["numbers"])
        self.served = cast(
            Served, SimpleNamespace(task=Task(), offer=SimpleNamespace(generation=1, path="/nowhere"))
        )
        self.catalogue = cast(Catalogue, SimpleNamespace(served={1: self.served}))
        self.pools: List[SlotPool] = []
        self.decoders: List[Mortal] = []
        self._requests: List[Set[asyncio.Future[Any]]] = [set() for _ in nodes]
        for worker in range(len(nodes)):
            self.pools.append(self._pool(worker))
            self.decoders.append(self._start(worker))

    def _pool(self, worker: int) -> SlotPool:
        return SlotPool(self.slots, worker, range(self.slots.slots), lambda _: None)

    def _start(self, worker: int) -> Mortal:
        part = Part(self.shared, worker) if self._together else None
        row = self._table.workers[worker]
        # As many workers as to give each a single thread, however many CPUs there are.
        decoder = Mortal(self.arena, row, 10_000, self.catalogue, self.pools[worker], part)
        decoder._threads.shutdown()
        decoder._threads = Hand(self._seconds)
        decoder.begin()
        return decoder

    async def decode(self, worker: int, fill: Number, deadline: float) -> int:
        """What lies in the slot of an item that came to a worker, which may die."""
        mine = asyncio.ensure_future(self._decode(worker, fill, deadline))
        self._requests[worker].add(mine)
        try:
            return await mine
        finally:
            self._requests[worker].discard(mine)

    async def _decode(self, worker: int, fill: Number, deadline: float) -> int:
        if not self.lives(worker):
            raise asyncio.CancelledError
        with self.pools[worker].lease() as lease:
            await self.decoders[worker].start(fill, self.served, lease, deadline)
            assert fill.known == fill.number
            return int(self.arena.item(lease.slot, SPECS)[0][0]) - BEYOND

    def kill(self, worker: int) -> None:
        """It ends on the spot, its clients' connections with it, and the supervisor tidies up behind it."""
        dead = self.decoders[worker]
        dead.dead = cast(Hand, dead._threads).dead = True
        nothing = cast(Any, SimpleNamespace(free=ignore, finish=ignore))
        self.pools[worker]._slots = nothing  # whatever its ghost does now changes nothing
        if dead._exchange is not None:
            dead._exchange._trays = nothing
            for trial in dead._exchange._trials:
                trial.cancel()
        asyncio.get_running_loop().remove_reader(self.shared.board.fileno(worker))
        for request in list(self._requests[worker]):
            request.cancel()
        self.slots.reclaim(worker, self.shared.reclaim(worker))

    def revive(self, worker: int) -> None:
        """Its successor begins."""
        self.pools[worker] = self._pool(worker)
        self.decoders[worker] = self._start(worker)

    def lives(self, worker: int) -> bool:
        """Whether it has not been killed."""
        return not self.decoders[worker].dead


def ignore(*_: object) -> None:
    """Do nothing."""
