"""The queue that all workers share, and one worker's part in it."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Sequence

from hotpath.ipc.arena import slots_of
from hotpath.sharing.board import Board
from hotpath.sharing.policy import Node
from hotpath.sharing.trays import Job, Trays

TRAYS_EACH = 3
"""Trays for each worker: one that it decodes, one on offer to it, one that a cancelled request left."""
MOST_BODY = 4 * 1024 * 1024
"""Bytes; what is larger is decoded by who has received it."""


class Shared:
    """Made by the supervisor before it forks, for workers on these memory nodes."""

    def __init__(self, nodes: Sequence[Node], body_bytes: int) -> None:
        self.board = Board(nodes)
        self.trays = Trays(TRAYS_EACH * len(nodes), min(body_bytes, MOST_BODY))

    def reclaim(self, worker: int) -> List[int]:
        """A worker is dead. Returns its slots that others still write to; its successor frees them."""
        self.board.mark(worker, free=False)
        self.trays.reclaim(worker)
        others = [other for other in range(len(self.board.nodes)) if other != worker]
        for other in others:  # it may have been told of an offer, or decoded for one of them
            self.board.wake(other)
        return [self.trays.slot(tray) for tray in self.trays.held(worker)]


class Part(NamedTuple):
    """What a worker has of it."""

    shared: Shared
    worker: int

    @property
    def node(self) -> Node:
        """The worker's memory node."""
        return self.shared.board.nodes[self.worker]

    def offer(self, job: Job, body: bytes) -> Optional[int]:
        """See Trays.offer."""
        trays = self.shared.trays
        home = slots_of(self.worker, len(self.shared.board.nodes), trays.count)
        return trays.offer(self.worker, self.node, job, body, home.start)
