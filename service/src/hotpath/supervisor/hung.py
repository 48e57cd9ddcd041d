"""Children that live and get nothing done any more."""

from __future__ import annotations

import os
import signal
import time
from typing import Callable, Iterable, List

from hotpath.metrics.table import Row
from hotpath.supervisor.roster import Post

HUNG_S = 10.0
"""A child at one thing for as long, and longer than any request may take, hangs: nobody waits for it."""

SINCE = {"engine": "hotpath_engine_batch_since_seconds", "worker": "hotpath_worker_seen_at_seconds"}
"""What tells in a child's row since when it is at one thing, on the monotonic clock; 0 while it is not."""

SIGNS = {"engine": "has worked at one batch", "worker": "has not come back to its event loop"}


def end_hung(posts: Iterable[Post], row_of: Callable[[Post], Row], longest_s: float) -> List[Post]:
    """Kill the running children that are at one thing for longer than that; which they were."""
    hung = []
    for post in posts:
        since = row_of(post).get(SINCE[post.role])
        if post.pid is not None and 0.0 < since < time.monotonic() - longest_s:
            os.kill(post.pid, signal.SIGKILL)
            row_of(post).set(SINCE[post.role], 0.0)  # once is enough
            hung.append(post)
    return hung
