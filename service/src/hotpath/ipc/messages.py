"""The control messages between HTTP workers and engines: fixed structures over SOCK_SEQPACKET.

Both ends carry an incarnation number, which the supervisor raises each time it starts a child. A message
that names a past incarnation of either end is dropped by the receiver; that is all the clean-up that a crash
needs. What the model said travels in the message, however long it is, and not in the slot: so an engine never
writes into the arena, and nothing late can spoil a slot that a restarted worker uses again. An answer of no
bytes is as good as none.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple, Union

from hotpath.core import Outcome
from hotpath.scheduler.entries import NORMAL


class Kind(IntEnum):
    """First byte of each message."""

    ATTACH = 1
    SUBMIT = 2
    CANCEL = 3
    HELLO = 4
    RESULT = 5


class Status(IntEnum):
    """How a request ended in the engine."""

    OK = 0
    EXPIRED = 1
    CANCELLED = 2
    FAILED = 3
    """The model fails on it alone, or engines died of it."""
    LATE = 4
    """Not run, because it could not have been in time."""


class Standing(IntEnum):
    """What an engine should know of a request before it queues it."""

    NEW = 0
    AGAIN = 1
    """A predecessor has let it in, and died with it in its queue."""
    SUSPECT = 2
    """A predecessor died while it ran: run it alone."""


class Attach(NamedTuple):
    """Worker to engine: a (new) worker listens on this link."""

    worker: int


class Submit(NamedTuple):
    """Worker to engine: the item in `slot` waits. Times are seconds of the machine's monotonic clock."""

    worker: int
    engine: int
    request: int
    slot: int
    submitted: float
    deadline: float
    priority: int = NORMAL
    standing: Standing = Standing.NEW
    units: int = 1
    """How long the item is, along the inputs that vary; see tasks.task.Task.lengths."""
    behind: float = 0.0
    """Seconds for which other items of its request have been at it; see scheduler.entries.Entry."""


class Cancel(NamedTuple):
    """Worker to engine: nobody waits for `request` any more."""

    worker: int
    engine: int
    request: int


class Hello(NamedTuple):
    """Engine to worker: this incarnation of the engine serves the link and holds none of its requests."""

    engine: int


class Result(NamedTuple):
    """Engine to worker: how `request` ended. After it the engine no longer reads the slot."""

    worker: int
    request: int
    outcome: Outcome


Message = Union[Attach, Submit, Cancel, Hello, Result]

_KINDS = {int(kind): kind for kind in Kind}
"""Looked up, which Kind() itself takes three calls for."""
_ATTACH = struct.Struct("<BxxxI")
_SUBMIT = struct.Struct("<BBBxIIIIQddd")
_CANCEL = struct.Struct("<BxxxIIQ")
_HELLO = struct.Struct("<BxxxI")
_RESULT = struct.Struct("<BBHIQdd")


def encode(message: Message) -> bytes:
    """The bytes of a message."""
    if isinstance(message, Submit):
        return _SUBMIT.pack(
            Kind.SUBMIT,
            message.priority,
            message.standing,
            message.worker,
            message.engine,
            message.slot,
            message.units,
            message.request,
            message.submitted,
            message.deadline,
            message.behind,
        )
    if isinstance(message, Result):
        outcome = message.outcome
        head = _RESULT.pack(
            Kind.RESULT,
            outcome.status,
            outcome.batch_size,
            message.worker,
            message.request,
            outcome.queue_s,
            outcome.compute_s,
        )
        return head if outcome.answer is None else head + outcome.answer
    if isinstance(message, Cancel):
        return _CANCEL.pack(Kind.CANCEL, message.worker, message.engine, message.request)
    if isinstance(message, Attach):
        return _ATTACH.pack(Kind.ATTACH, message.worker)
    return _HELLO.pack(Kind.HELLO, message.engine)


def decode(data: bytes) -> Message:
    """The message in `data`. Raises ValueError or struct.error on bytes that `encode` never makes."""
    kind = _KINDS.get(data[0])
    if kind is None:
        raise ValueError(f"{data[0]} is no kind of message")
    if kind is Kind.SUBMIT:
        fields = _SUBMIT.unpack(data)
        _, priority, standing, worker, engine, slot, units, request, submitted, deadline, behind = fields
        urgency = (submitted, deadline, priority, Standing(standing) if standing else Standing.NEW)
        return Submit(worker, engine, request, slot, *urgency, units, behind)
    if kind is Kind.RESULT:
        _, status, batch_size, worker, request, queue_s, compute_s = _RESULT.unpack_from(data)
        answer = data[_RESULT.size :] or None
        return Result(worker, request, Outcome(status, answer, batch_size, queue_s, compute_s))
    if kind is Kind.CANCEL:
        _, worker, engine, request = _CANCEL.unpack(data)
        return Cancel(worker, engine, request)
    if kind is Kind.ATTACH:
        return Attach(_ATTACH.unpack(data)[1])
    return Hello(_HELLO.unpack(data)[1])
