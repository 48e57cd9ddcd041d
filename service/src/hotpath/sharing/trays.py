"""What one worker offers and another decodes: the item's bytes, what there is to know of them, the outcome.

One byte a tray says who holds it, as with slots, and one more, the claim, how far it is. Only two steps have
several who could take them: an offer is taken by one of all, or withdrawn by its holder. A lock of the
kernel's on that byte decides, which is tried and never waited for and dropped with its holder. Every other
step is one process's alone. So whatever instant somebody is killed at, the two bytes say what is to be done.

Who takes an offer writes into the slot of who made it. Hence a slot and its tray outlive a holder that was
killed meanwhile: the supervisor leaves both to the successor, which waits for the taker as the holder would.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import List, NamedTuple, Optional, Sequence, Union

from hotpath.ipc.locks import ByteLocks
from hotpath.ipc.slots import SlotMap
from hotpath.sharing.policy import Node, OnOffer

_NOTHING, _OFFERED, _DONE, _UNDONE, _LOST = 0, 255, 254, 253, 252  # else the number of the taker, plus 1

_OFFERED_BYTE = bytes((_OFFERED,))

MOST_WORKERS = _LOST - 1
MOST_NOTE = 256
"""Bytes of what goes with a body, and of what its decoding found."""

_HEAD = mmap.PAGESIZE
"""Bytes before the body: the job, its note, the reply."""
_JOB = struct.Struct("<QdIIiHB")
"""Generation, deadline, slot, bytes of the body, node or -1, bytes of the note, whether it is quick."""
_REPLY = struct.Struct("<IdH")
"""Units, seconds, bytes of what was found."""
_NOTE, _REPLIED = 64, 64 + MOST_NOTE
_FOUND = _REPLIED + 32
_KEPT = 1 << 18
"""Bytes that stay with a tray; memory of larger bodies goes back to the kernel."""


@dataclass(frozen=True)
class Job:
    """What a taker needs to know of an item."""

    generation: int
    """Whose task knows what the bytes are."""
    slot: int
    """Where it is decoded into."""
    deadline: float
    quick: bool
    note: bytes
    """What the task wrote beside the body; at most MOST_NOTE bytes."""


class Reply(NamedTuple):
    """What a taker has to say of an item that lies in its slot now."""

    units: int
    seconds: float
    found: bytes
    """For the task; at most MOST_NOTE bytes."""


class Undone(NamedTuple):
    """The taker could not do it; by `died` it has ended meanwhile."""

    died: bool


class Trays:
    """So many, for bodies of at most `most_bytes`. Made by the supervisor before it forks."""

    def __init__(self, count: int, most_bytes: int) -> None:
        self.count = count
        self._room = -(-most_bytes // _HEAD) * _HEAD
        self._stride = _HEAD + self._room
        self._memory = mmap.mmap(-1, count * self._stride)  # pages come with what is written to them
        self._claims = mmap.mmap(-1, count)
        self._holders = SlotMap(count)
        self._locks = ByteLocks("hotpath-trays")

    # Who offers

    def offer(self, worker: int, node: Node, job: Job, body: bytes, first: int = 0) -> Optional[int]:
        """Put it into a tray, from number `first` on, for anybody to take. None where it finds no place."""
        if len(body) > self._room or len(job.note) > MOST_NOTE:
            return None
        tray = self._holders.take(worker, first)
        if tray is None:
            return None
        start = tray * self._stride
        _JOB.pack_into(
            self._memory,
            start,
            job.generation,
            job.deadline,
            job.slot,
            len(body),
            -1 if node is None else node,
            len(job.note),
            job.quick,
        )
        self._memory[start + _NOTE : start + _NOTE + len(job.note)] = job.note
        self._memory[start + _HEAD : start + _HEAD + len(body)] = body
        self._claims[tray] = _OFFERED
        return tray

    def withdraw(self, tray: int) -> bool:
        """Take an offer back, and free its tray; False where somebody has it, or has had it."""
        with self._locks.tried(tray) as locked:
            if not locked or self._claims[tray] != _OFFERED:
                return False
            self._claims[tray] = _NOTHING
        self.free(tray)
        return True

    def waits(self, tray: int) -> bool:
        """Whether nobody has taken an offer yet."""
        return self._claims[tray] == _OFFERED

    def outcome(self, tray: int) -> Optional[Union[Reply, Undone]]:
        """What came of an offer; None as long as nothing has."""
        claim = self._claims[tray]
        if claim == _DONE:
            start = tray * self._stride
            units, seconds, length = _REPLY.unpack_from(self._memory, start + _REPLIED)
            return Reply(units, seconds, self._memory[start + _FOUND : start + _FOUND + length])
        return Undone(claim == _LOST) if claim in (_UNDONE, _LOST) else None

    def free(self, tray: int) -> None:
        """Its holder needs it no more; nobody else has it."""
        start = tray * self._stride
        size = _JOB.unpack_from(self._memory, start)[3]
        if size > _KEPT:
            begin = start + _HEAD + _KEPT
            self._memory.madvise(mmap.MADV_REMOVE, begin, start + self._stride - begin)
        self._claims[tray] = _NOTHING
        self._holders.free(tray)

    # Who takes

    @property
    def on_offer(self) -> int:
        """How many could be taken now."""
        return self._claims[:].count(_OFFERED_BYTE)

    def offers(self) -> List[OnOffer]:
        """What could be taken now."""
        found = []
        tray = self._claims.find(_OFFERED_BYTE)
        while tray >= 0:
            job = _JOB.unpack_from(self._memory, tray * self._stride)
            found.append(OnOffer(tray, job[1], None if job[4] < 0 else job[4]))
            tray = self._claims.find(_OFFERED_BYTE, tray + 1)
        return found

    def take(self, tray: int, worker: int) -> Optional[Job]:
        """Let `worker` have an offer; None where that is gone."""
        with self._locks.tried(tray) as locked:
            if not locked or self._claims[tray] != _OFFERED:
                return None
            self._claims[tray] = worker + 1
        start = tray * self._stride
        generation, deadline, slot, _, _, length, quick = _JOB.unpack_from(self._memory, start)
        note = self._memory[start + _NOTE : start + _NOTE + length]
        return Job(generation, slot, deadline, bool(quick), note)

    def body(self, tray: int) -> bytes:
        """A copy of what was offered, that nobody else can change."""
        start = tray * self._stride
        size = _JOB.unpack_from(self._memory, start)[3]
        return self._memory[start + _HEAD : start + _HEAD + size]

    def finish(self, tray: int, reply: Optional[Reply]) -> Optional[int]:
        """By its taker: the slot is filled, or with None it is not. Returns whom to wake."""
        if reply is not None:
            start = tray * self._stride
            _REPLY.pack_into(self._memory, start + _REPLIED, reply.units, reply.seconds, len(reply.found))
            self._memory[start + _FOUND : start + _FOUND + len(reply.found)] = reply.found
        holder = self._holders.holder(tray)
        self._claims[tray] = _UNDONE if reply is None else _DONE
        return holder

    # Who outlives a worker

    def reclaim(self, worker: int) -> None:
        """A worker is dead: free what it held and nobody has taken, and say of what it had taken that it is
        lost. Those who wait for that are to be woken."""
        for tray, claim in enumerate(self._claims[: self.count]):
            if claim == worker + 1:
                self._claims[tray] = _LOST
        for tray in self.held(worker):
            if self._claims[tray] == _OFFERED:
                self.withdraw(tray)  # unless somebody is just taking it
            elif self._claims[tray] == _NOTHING or self.outcome(tray) is not None:
                self.free(tray)

    def held(self, worker: int) -> Sequence[int]:
        """The trays of a worker; of one that has just begun what its predecessor left to it."""
        return self._holders.of(worker)

    def slot(self, tray: int) -> int:
        """Where what lies in it is decoded into."""
        slot: int = _JOB.unpack_from(self._memory, tray * self._stride)[2]
        return slot

    @property
    def in_use(self) -> int:
        """How many are held."""
        return self._holders.in_use
