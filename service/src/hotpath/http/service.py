"""What the routes of one worker share: admission, and the way of one item through the service."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import deque
from functools import partial
from typing import Iterator, List, NamedTuple, NoReturn, Optional, Sequence

from starlette.requests import ClientDisconnect

from hotpath.config import Config
from hotpath.core import Outcome
from hotpath.http.catalogue import Catalogue, Served
from hotpath.http.comparing import Comparing
from hotpath.http.decoding import Decoder
from hotpath.http.engines import STILL_S, EngineClient, NoEngine
from hotpath.http.errors import Problem
from hotpath.http.exchange import KillsDecoders
from hotpath.http.fairness import kept_places, most_items, open_places
from hotpath.http.together import together
from hotpath.http.uploads import NoMemory, Uploads
from hotpath.http.urgency import Urgency
from hotpath.http.waiting import ClientGone, DeadlinePassed, Patience
from hotpath.ipc.arena import Arena
from hotpath.ipc.messages import Status
from hotpath.ipc.slots import Lease, NoFreeSlot, SlotPool
from hotpath.metrics.table import Row, Table
from hotpath.observing.record import Stages
from hotpath.scheduler.policy import worth_a_try
from hotpath.sharing.part import Part
from hotpath.tasks.task import Fill, Limits


class Answered(NamedTuple):
    """What became of one item."""

    answer: bytes
    """For the model's task to read."""
    outcome: Outcome
    stages: Stages


class Service:
    """One worker's slots, decoder and links."""

    def __init__(
        self,
        config: Config,
        catalogue: Catalogue,
        arena: Arena,
        slots: SlotPool,
        table: Table,
        row: Row,
        client: EngineClient,
        part: Optional[Part] = None,
    ) -> None:
        """`part` is this worker's in the queue that all share, where there are others."""
        self.config = config
        self.table = table
        self.row = row
        self._ends = False
        self.catalogue = catalogue
        self.most_items = most_items(config)
        """By model: how many items of one request may be inside at once."""
        self.decoder = Decoder(arena, row, len(table.workers), catalogue, slots, part)
        self.comparing = Comparing(row)
        self.uploads = Uploads(config.limits, len(table.workers))
        self.item_limits = Limits(config.limits.pixels, config.limits.items)
        """What one request may bring."""
        self._client = client
        self._arena = arena
        self._slots = slots
        self._kept = kept_places(config)

    @property
    def draining(self) -> bool:
        """Whether the service, or this worker of it, was told to end; until it does, requests are taken."""
        return self._ends or self.table.supervisor.get("hotpath_draining") > 0

    def end(self) -> None:
        """This worker was told to end."""
        self._ends = True

    def unready(self, served: Optional[Served] = None) -> Optional[str]:
        """Why new requests (for one model, or any) should go elsewhere; None when they are welcome."""
        if self.draining:
            return "The service is shutting down."
        every = [served] if served else [self.catalogue.find(name) for name in self.catalogue.names]
        return self._cold(*every) or self._still(*every)

    def _still(self, *every: Served) -> Optional[str]:
        longest_s = max(STILL_S, self.config.limits.request_timeout_s / 4)  # long before it is ended for it
        still = [one.offer.model for one in every if self._client.stand_still(one.offer.seats, longest_s)]
        return f"The engines stand still for: {', '.join(still)}." if still else None

    def _cold(self, *every: Served) -> Optional[str]:
        cold = [served.offer.model for served in every if not self._client.ready(served.offer.seats)]
        return f"No engine is warm yet for: {', '.join(cold)}." if cold else None

    @contextlib.contextmanager
    def admission(self, served: Served, urgency: Urgency) -> Iterator[None]:
        """A request's stay in the service, from its head on.

        At the door it is only asked whether there would be room: under overload no body is received for
        nothing, and one on its way holds nothing that others could use. Raises Problem where there is none.
        That a request is given up inside becomes Problem or ClientGone, and is counted.
        """
        reason = self._cold(served)  # while draining, what was accepted is still answered
        if reason is not None:
            self._shed("not_ready", 503, reason, served)
        if not self._in_time(served, urgency):
            self._refuse_late(served, urgency)
        try:
            if not self._has_place(served):
                raise NoFreeSlot
            yield
        except NoFreeSlot:
            self._shed("no_slot", 429, "Every place in the service is taken.", served)
        except NoMemory:
            self._shed("no_memory", 429, "Bodies on their way hold all the memory that they may.", served)
        except NoEngine:
            self._shed("not_ready", 503, "No engine is warm.", served)
        except DeadlinePassed as error:
            if not error.counted:
                self.row.add("hotpath_shed", ("expired",))
            raise late(error.seconds) from error
        except (ClientDisconnect, ClientGone) as error:
            if not (isinstance(error, ClientGone) and error.counted):  # by an admission inside this one
                self.row.add("hotpath_shed", ("client_gone",))
            raise ClientGone(counted=True) from error

    def welcomes(self, served: Served, urgency: Urgency) -> bool:
        """Whether `admission` would let in a request for it now."""
        return self._cold(served) is None and self._in_time(served, urgency) and self._has_place(served)

    def _in_time(self, served: Served, urgency: Urgency) -> bool:
        outlook = self._client.outlook(served.offer.seats)
        return worth_a_try(outlook.wait, outlook.lone, urgency.seconds, urgency.priority)

    def _has_place(self, served: Served) -> bool:
        """Whether a slot for it is free that is not kept for other models which would use it too."""
        kind = self._kind(served)
        if len(self._kept) == 1:
            return not self._slots.full(kind)
        find = self.catalogue.find
        kept = {name: places for name, places in self._kept.items() if self._kind(find(name)) == kind}
        kept[served.offer.model] = self._kept[served.offer.model]
        inside = {name: int(self.table.total("hotpath_places_in_use", (name,))) for name in kept}
        return open_places(served.offer.model, self._slots.free(kind), inside, kept) > 0

    def _kind(self, served: Served) -> int:
        """The class of its slots."""
        return self._arena.classes.holding(served.slot_bytes)

    def place(self, served: Served) -> Lease:
        """A permit and a slot for an item whose body is in, unless what is free is kept for other models.

        To be used inside `admission`, which turns its NoFreeSlot into an answer.
        """
        name = served.offer.model
        if len(self._kept) > 1 and not self._has_place(served):
            raise NoFreeSlot
        ended = partial(self.row.add, "hotpath_places_in_use", (name,), -1.0)
        lease = self._slots.lease(ended, self._kind(served))
        self.row.add("hotpath_places_in_use", (name,))
        return lease

    @contextlib.contextmanager
    def spare_places(self, served: Served, count: int) -> Iterator[Sequence[Lease]]:
        """Up to so many further slots, as far as there are any now."""
        with contextlib.ExitStack() as stack:
            found = []
            with contextlib.suppress(NoFreeSlot):
                for _ in range(count):
                    found.append(stack.enter_context(self.place(served)))
            yield found

    @contextlib.contextmanager
    def more_places(self, served: Served, count: int) -> Iterator[Sequence[Lease]]:
        """So many further slots, all or none; waiting for one while holding another could last for ever.

        To be used inside `admission`, which turns its NoFreeSlot into an answer.
        """
        with contextlib.ExitStack() as stack:
            yield [stack.enter_context(self.place(served)) for _ in range(count)]

    async def predict_all(
        self, served: Served, fills: Sequence[Fill], lease: Lease, patience: Patience
    ) -> List[Answered]:
        """The way of a request's items, in waves: as many at once as find places now, one at least.

        Raises what `predict` raises.
        """
        if len(fills) == 1:
            return [await self.predict(served, fills[0], lease, patience)]
        found: List[Optional[Answered]] = [None] * len(fills)
        left = deque(enumerate(fills))
        begun = time.monotonic()

        async def lane(lease: Lease) -> None:
            behind = 0.0  # the first ones come together
            while left:
                index, fill = left.popleft()
                # A shadow reads the slot longer than the request: only where nothing else comes into it.
                found[index] = await self.predict(served, fill, lease, patience, not left, behind)
                behind = time.monotonic() - begun

        with self.spare_places(served, min(len(fills), self.most_items[served.offer.model]) - 1) as more:
            await together([lane(place) for place in (lease, *more)])
        return [answered for answered in found if answered is not None]

    async def predict(
        self,
        served: Served,
        fill: Fill,
        lease: Lease,
        patience: Patience,
        shadowed: bool = True,
        behind: float = 0.0,
    ) -> Answered:
        """The way of one item: into the lease's slot, to an engine, and back.

        `shadowed`: whether a version that is compared may get a copy; `behind`: for how many seconds other
        items of the request have been at it. Raises InputError, Problem, or what `admission` turns into one.
        """
        self.row.add("hotpath_items_coming")
        try:
            filled = await patience.wait(self.decoder.start(fill, served, lease, patience.deadline))
        except KillsDecoders as error:
            self.row.add("hotpath_shed", ("decoding_failed",))
            raise _fatal() from error
        finally:
            self.row.add("hotpath_items_coming", amount=-1.0)
        decoded = time.monotonic()
        urgency = patience.urgency
        answer = self._client.submit(
            lease, served.offer.seats, patience.deadline, urgency.priority, filled.units, behind
        )
        try:
            outcome = await patience.wait(answer)
        except DeadlinePassed as error:
            error.counted = _expired_in_queue(answer)
            raise
        if outcome.status == Status.EXPIRED:
            raise DeadlinePassed(urgency.seconds, counted=True)
        if outcome.status == Status.LATE:
            self._refuse_late(served, urgency, filled.units)
        answered = outcome.status == Status.OK and outcome.answer is not None
        self.row.add("hotpath_predictions", (str(served.offer.lane), "ok" if answered else "failed"))
        if outcome.status != Status.OK or outcome.answer is None:
            self.row.add("hotpath_shed", ("inference_failed",))
            raise _failed()
        self._count(str(served.offer.lane), filled.seconds, outcome)
        if shadowed:
            self._shadow(served, lease, filled.units, outcome.answer)
        stages = Stages(filled.seconds, decoded, outcome.queue_s, outcome.compute_s, outcome.batch_size)
        return Answered(outcome.answer, outcome, stages)

    def _count(self, lane: str, decode_s: float, outcome: Outcome) -> None:
        """An image was answered, by the version in this lane."""
        self.row.add("hotpath_image_seconds", (lane, "decode"), decode_s)
        self.row.add("hotpath_image_seconds", (lane, "queue"), outcome.queue_s)
        self.row.add("hotpath_image_seconds", (lane, "compute"), outcome.compute_s)
        self.row.set("hotpath_answered_at_seconds", time.time(), (lane,))

    def _shadow(self, served: Served, lease: Lease, units: int, said: bytes) -> None:
        """Let a version that is to be compared answer the same input; nobody waits for it."""
        other = self.catalogue.shadow_of(served)
        if other is None or not self._client.ready(other.offer.seats):
            return

        def compare(answer: asyncio.Future[Outcome]) -> None:
            found = answer.result().answer
            result = "failed"
            if found is not None:
                result = "agree" if served.task.agrees(said, other.task, found) else "differ"
            self.row.add("hotpath_shadow", (str(other.offer.lane), result))

        deadline = time.monotonic() + self.config.limits.request_timeout_s
        self._client.submit(lease, other.offer.seats, deadline, units=units).add_done_callback(compare)

    def _refuse_late(self, served: Served, urgency: Urgency, units: int = 1) -> NoReturn:
        outlook = self._client.outlook(served.offer.seats, units)
        self._shed(
            "late",
            429,
            f"The request could not be finished within its {urgency.seconds:g} s at priority "
            f"{urgency.priority}: {outlook.wait:.3f} s of work come first, it takes {outlook.lone:.3f} s.",
            served,
        )

    def _shed(self, reason: str, status: int, message: str, served: Served) -> NoReturn:
        self.row.add("hotpath_shed", (reason,))
        code = "busy" if status == 429 else "not_ready"
        # By then what is inside now will be done, as the table of the warm-up says.
        seconds = max(1, math.ceil(self._client.outlook(served.offer.seats).wait))
        remedy = f"Try again in {seconds} s, or on another host."
        raise Problem(status, code, message, remedy, {"Retry-After": str(seconds)})


def _expired_in_queue(answer: asyncio.Future[Outcome]) -> bool:
    """Whether an engine found that a request's time was over; it has counted that."""
    return answer.done() and not answer.cancelled() and answer.result().status == Status.EXPIRED


def late(seconds: float) -> Problem:
    """The answer to a request that had so many seconds."""
    return Problem(
        504,
        "request_timeout",
        f"The request could not be finished within {seconds:g} s.",
        "Try again later; the operators set the limit as limits.request_timeout_s.",
    )


def _failed() -> Problem:
    """Not 503: to try this input again, here or elsewhere, would only harm another engine."""
    return Problem(
        500,
        "inference_failed",
        "The model fails on this input, even when it runs alone.",
        "Do not send it again; give the operators the time and the image: the reason stands in the log.",
    )


def _fatal() -> Problem:
    """Not 503, as above."""
    return Problem(
        500,
        "decoding_failed",
        "The process that decodes this input dies of it, even one that does nothing else.",
        "Do not send it again; give the operators the time and the input.",
    )
