"""The requests that wait in an engine: in the policy's order, and by who sent them."""

from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from hotpath.ipc.messages import Submit
from hotpath.scheduler.entries import Entry, Queue

Sender = Tuple[int, int, int]
"""Channel, worker and request."""


class Ticket(NamedTuple):
    """A request, and the index of the worker's channel that brought it."""

    channel: int
    submit: Submit

    @property
    def sender(self) -> Sender:
        """Who to answer; unique among the requests of all workers."""
        return self.channel, self.submit.worker, self.submit.request


class Waiting:
    """Tickets and the policy's entries for them, together."""

    def __init__(self, place: Callable[[int], int]) -> None:
        """`place` says for an item's units which of the table's lengths it belongs to."""
        self._place = place
        self._queue = Queue()
        self._tickets: Dict[int, Ticket] = {}
        self._entries: Dict[Sender, Entry] = {}
        self._next = 1

    @property
    def entries(self) -> Sequence[Entry]:
        """Everybody who waits, by rank."""
        return self._queue.entries

    def add(self, ticket: Ticket) -> Entry:
        """Somebody new."""
        return self._add(ticket, 0)

    def add_group(self, tickets: Sequence[Ticket]) -> None:
        """These are to run together and with nobody else."""
        group = self._next
        for ticket in tickets:
            self._add(ticket, group)

    def take(self, entry: Entry) -> Ticket:
        """Out of the queue."""
        self._queue.remove(entry.key)
        ticket = self._tickets.pop(entry.key)
        del self._entries[ticket.sender]
        return ticket

    def find(self, channel: int, worker: int, request: int) -> Optional[Entry]:
        """The entry of a request that still waits."""
        return self._entries.get((channel, worker, request))

    def of_channel(self, channel: int) -> List[Tuple[Entry, Ticket]]:
        """Everybody who came through a channel."""
        pairs = ((entry, self._tickets[entry.key]) for entry in self.entries)
        return [(entry, ticket) for entry, ticket in pairs if ticket.channel == channel]

    def __len__(self) -> int:
        return len(self._queue)

    def _add(self, ticket: Ticket, group: int) -> Entry:
        submit = ticket.submit
        place = self._place(submit.units)
        urgency = (submit.submitted, submit.deadline, submit.priority)
        entry = Entry(self._next, *urgency, group, place, submit.behind)
        self._next += 1
        self._queue.add(entry)
        self._tickets[entry.key] = ticket
        self._entries[ticket.sender] = entry
        return entry
