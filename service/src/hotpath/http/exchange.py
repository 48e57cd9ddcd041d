"""A worker's dealings with the queue that all workers share: what it offers, and what it takes."""

from __future__ import annotations

import asyncio
import time
from typing import Callable, Dict, List, Optional, Set, Union

from hotpath.http.alone import survives
from hotpath.http.catalogue import Catalogue
from hotpath.http.works import Filled, Own, Taken
from hotpath.ipc.slots import Lease, SlotPool
from hotpath.metrics.table import Row
from hotpath.sharing import policy
from hotpath.sharing.part import Part
from hotpath.sharing.trays import Reply, Undone

_LOOK_S = 0.005


class KillsDecoders(Exception):
    """Who decodes this item dies of it, by itself too."""


class Exchange:
    """Lives in the worker's event loop."""

    def __init__(
        self,
        part: Part,
        catalogue: Catalogue,
        pool: SlotPool,
        row: Row,
        wait: Callable[[Own], None],
        look_soon: Callable[[], None],
    ) -> None:
        """`wait` lets an item of the worker's own wait again, `look_soon` lets it look what is to be done."""
        self._part = part
        self._board = part.shared.board
        self._trays = part.shared.trays
        self._catalogue = catalogue
        self._pool = pool
        self._row = row
        self._wait = wait
        self._look_soon = look_soon
        self._takes = False
        self._offered: Dict[int, Own] = {}
        """By tray: on offer, taken, or done."""
        self._left: Dict[int, Lease] = {}
        """By tray: slots of a predecessor that somebody still writes to."""
        self._taken: Set[Taken] = set()
        self._trials: Set[asyncio.Task[None]] = set()
        self._free = False
        """Whether it had nothing to do when it last looked."""
        self._told = False
        """Whether it was woken, maybe of an offer, and has taken none since."""

    def begin(self) -> None:
        """Take what others offer from now on."""
        for tray in self._trays.held(self._part.worker):
            self._left[tray] = self._pool.adopt(self._trays.slot(tray))
        asyncio.get_running_loop().add_reader(self._board.fileno(self._part.worker), self._on_woken)
        self._one_trial = asyncio.Semaphore(1)
        self._takes = True

    async def ended(self) -> None:
        """Take nothing any more, and finish what was taken."""
        self._takes = False
        self._board.mark(self._part.worker, free=False)
        while self._taken:
            await asyncio.sleep(_LOOK_S)

    def _on_woken(self) -> None:
        self._board.woken(self._part.worker)
        self._told = True
        self._look_soon()

    def collect(self) -> None:
        """See what came of what others have."""
        for tray in [tray for tray in self._left if self._trays.outcome(tray) is not None]:
            self._trays.free(tray)
            self._left.pop(tray).give_back()
        for tray, own in list(self._offered.items()):
            outcome = self._trays.outcome(tray)
            if outcome is not None:
                del self._offered[tray]
                self._trays.free(tray)
                own.tray = None
                self._settle(own, outcome)
                result = "done" if isinstance(outcome, Reply) else "lost" if outcome.died else "undone"
                self._row.add("hotpath_shared_decodes", (result,))

    def _settle(self, own: Own, outcome: Union[Reply, Undone]) -> None:
        if isinstance(outcome, Reply) and own.portable is not None:
            own.portable.learn(outcome.found)
            own.settle(Filled(outcome.units, outcome.seconds))
        elif own.future.done():  # its client has gone meanwhile
            own.lease.give_back()
        elif isinstance(outcome, Undone) and outcome.died:
            trial = asyncio.ensure_future(self._try(own))
            self._trials.add(trial)
            trial.add_done_callback(self._trials.discard)
        else:
            own.portable = None
            self._wait(own)

    async def _try(self, own: Own) -> None:
        """Its taker has died: let nobody else do so."""
        assert own.portable is not None, "what is not was not offered"
        parcel, model = own.portable.parcel(), own.served.offer.path
        own.portable = None
        async with self._one_trial:
            left = own.deadline - time.monotonic()
            loop = asyncio.get_running_loop()
            lives = await loop.run_in_executor(None, survives, model, parcel, left)
        if own.future.done() or not lives:
            own.settle(KillsDecoders())
        else:
            self._wait(own)

    def take(self, own: Optional[float]) -> Optional[Union[Own, Taken]]:
        """What comes before the worker's own, whose earliest deadline is `own`; None where that is first."""
        gone: Set[int] = set()
        while self._trays.on_offer:
            offers = [offer for offer in self._trays.offers() if offer.tray not in gone]
            if not self._takes:
                offers = [offer for offer in offers if offer.tray in self._offered]
            chosen = policy.next_up(own, offers, self._part.node)
            if chosen is None:
                return None
            mine = self._offered.get(chosen.tray)
            if mine is not None and self.withdraw(mine):
                return mine
            taken = None if mine is not None else self._take(chosen.tray)
            if taken is not None:
                return taken
            gone.add(chosen.tray)
        return None

    def _take(self, tray: int) -> Optional[Taken]:
        job = self._trays.take(tray, self._part.worker)
        if job is None:
            return None
        served = self._catalogue.served.get(job.generation)
        if served is None:  # its owner knows newer offers, or older ones
            self._tell(tray, None)
            return None

        def finish(taken: Taken, reply: Optional[Reply]) -> None:
            self._taken.discard(taken)
            self._tell(tray, reply)

        self._told = False
        taken = Taken(job, served, lambda: self._trays.body(tray), finish)
        self._taken.add(taken)
        return taken

    def _tell(self, tray: int, reply: Optional[Reply]) -> None:
        holder = self._trays.finish(tray, reply)
        if holder is not None:
            self._board.wake(holder)

    def withdraw(self, own: Own) -> bool:
        """Take an offer back; False where somebody is at it."""
        if own.tray is None or not self._trays.withdraw(own.tray):
            return False
        del self._offered[own.tray]
        own.tray = None
        return True

    def share(self, hands: int, waiting: List[Own]) -> None:
        """Offer what waits, as far as there is room for it, and tell free workers of what is on offer.

        So many hands of this one are free. What is offered waits no longer here.
        """
        new = 0 if hands > 0 else self._offer(waiting)
        self._row.set("hotpath_shared_bodies", len(self._offered) + len(self._left))
        was_free, self._free = self._free, hands > 0 and self._takes
        told, self._told = self._told, False
        self._board.mark(self._part.worker, self._free)
        if not self._trays.on_offer:
            return
        if not self._free:
            # Where this worker was told of one and has found something else to do, another is to be told.
            free, nodes = self._board.free, self._board.nodes
            for worker in policy.to_wake(free, nodes, self._part.worker, new + told):
                self._board.wake(worker)
        elif not was_free:  # it came while nobody could see that this worker is free
            self._look_soon()

    def _offer(self, waiting: List[Own]) -> int:
        count = 0
        for own in [own for own in waiting if own.portable is not None]:
            assert own.portable is not None
            parcel = own.portable.parcel()
            own.tray = self._part.offer(own.job(parcel), parcel.body)
            if own.tray is None:
                break
            waiting.remove(own)
            self._offered[own.tray] = own
            count += 1
        return count
