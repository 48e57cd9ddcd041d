"""What a worker does when it has as many connections as it may have open files.

It closes those that keep it waiting for longest, be it for their next request or for the rest of a body; one
that waits for its answer is never among them.
"""

from __future__ import annotations

import heapq
import os
import resource
from typing import Collection, Protocol

from hotpath.http.uploads import SLOW_S

RESERVE = 64
"""Files besides connections: what libraries open, the file of keys, connections that are being closed."""
_PART = 64
"""Of so many connections one is closed at a time, so that a flood needs few searches for the slowest."""


class Connection(Protocol):
    """A client's, as it is seen here."""

    @property
    def kept_waiting_s(self) -> float:
        """Seconds for which the service has waited for the client; 0 while it is the client that waits."""

    def give_way(self) -> None:
        """End it, and say why where there is a request to answer."""


def most_connections() -> int:
    """How many connections this process may have besides what it has open already."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        limit = 1 << 20  # the kernel's own bound for a process, fs.nr_open
    return max(1, limit - len(os.listdir("/proc/self/fd")) - RESERVE)


def make_room(connections: Collection[Connection]) -> bool:
    """Close the slowest of these; False where nobody is slow."""
    slow = [(one.kept_waiting_s, index, one) for index, one in enumerate(connections)]
    chosen = heapq.nlargest(len(slow) // _PART + 1, slow)
    ended = [one for waited, _, one in chosen if waited >= SLOW_S]
    for one in ended:
        one.give_way()
    return bool(ended)
