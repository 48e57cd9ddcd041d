"""What a worker decodes: what its own clients sent, and what it takes from another worker."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Callable, NamedTuple, Optional, Union

from hotpath.http.catalogue import Served
from hotpath.ipc.arena import Arena
from hotpath.ipc.slots import Lease
from hotpath.sharing.trays import MOST_NOTE, Job, Reply
from hotpath.tasks.task import Fill, Parcel, Portable


class Filled(NamedTuple):
    """What became of a slot."""

    units: int
    """How long its item is."""
    seconds: float
    """What it took."""


@dataclass(order=True)
class Own:
    """An item of this worker's own, whose slot it has borrowed. The earliest deadline comes first."""

    deadline: float
    number: int
    """In order of arrival."""
    fill: Fill = field(compare=False)
    served: Served = field(compare=False)
    lease: Lease = field(compare=False)
    future: asyncio.Future[Filled] = field(compare=False)
    quick: bool = field(compare=False)
    portable: Optional[Portable] = field(compare=False, default=None)
    """The fill, where another worker may write it."""
    tray: Optional[int] = field(compare=False, default=None)
    """Where it is offered."""

    def write(self, arena: Arena) -> int:
        """Fill the slot and return the item's units. Raises InputError."""
        return self.fill.write(arena.item(self.lease.slot, self.served.task.inputs))

    def settle(self, outcome: Union[Filled, BaseException]) -> None:
        """Nobody works on it any more."""
        self.lease.give_back()
        if self.future.done():
            return
        if isinstance(outcome, BaseException):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)

    def job(self, parcel: Parcel) -> Job:
        """What another worker needs to know of it."""
        return Job(self.served.offer.generation, self.lease.slot, self.deadline, self.quick, parcel.note)


class Taken:
    """An item of another worker's, in that one's slot."""

    def __init__(
        self,
        job: Job,
        served: Served,
        body: Callable[[], bytes],
        finish: Callable[[Taken, Optional[Reply]], None],
    ) -> None:
        """`finish` is told what its owner is to know; nothing, where the slot could not be filled."""
        self._job = job
        self._task = served.task
        self._body = body
        self._finish = finish
        self._found: Optional[bytes] = None
        self.quick = job.quick

    def write(self, arena: Arena) -> int:
        """Fill the slot and return the item's units. Raises InputError."""
        fill = self._task.unpacked(Parcel(self._body(), self._job.note))
        units = fill.write(arena.item(self._job.slot, self._task.inputs))
        self._found = fill.found()
        return units

    def settle(self, outcome: Union[Filled, BaseException]) -> None:
        """Tell its owner. What went wrong is not told: the owner does it again, and finds it out itself."""
        reply = None
        if isinstance(outcome, Filled) and self._found is not None and len(self._found) <= MOST_NOTE:
            reply = Reply(outcome.units, outcome.seconds, self._found)
        self._finish(self, reply)


Work = Union[Own, Taken]
