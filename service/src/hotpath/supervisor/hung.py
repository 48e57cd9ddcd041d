"""Children that live and get nothing done any more."""

from __future__ import annotations

import os
import signal
import time
from typing import Callable, Iterable, List, Optional

from hotpath.metrics.table import Row
from hotpath.supervisor.roster import Post

HUNG_S = 10.0
"""A child at one thing for as long, and longer than any request may take, hangs: nobody waits for it."""

SINCE = {"engine": "hotpath_engine_batch_since_seconds", "worker": "hotpath_worker_seen_at_seconds"}
"""What tells in a child's row since when it is at one thing, on the monotonic clock; 0 while it is not."""

LOADING_S = 600.0
"""An engine that is not warm after as long hangs too; a swap gives up sooner."""


def end_hung(posts: Iterable[Post], row_of: Callable[[Post], Row], longest_s: float) -> List[str]:
    """Kill the running children that are at one thing for longer than that; who did what for too long."""
    hung = []
    for post in posts:
        sign = _sign(post, row_of(post), longest_s) if post.pid is not None else None
        if post.pid is not None and sign is not None:
            os.kill(post.pid, signal.SIGKILL)
            row_of(post).set(SINCE[post.role], 0.0)  # once is enough
            post.started = time.monotonic()
            hung.append(f"{post.name} {sign}")
    return hung


def _sign(post: Post, row: Row, longest_s: float) -> Optional[str]:
    now, since = time.monotonic(), row.get(SINCE[post.role])
    if 0.0 < since < now - longest_s:
        doing = "worked at one batch" if post.role == "engine" else "not come back to its event loop"
        return f"has {doing} for {longest_s:.0f} s"
    loading = post.role == "engine" and not row.get("hotpath_engine_ready")
    return f"has loaded for {LOADING_S:.0f} s" if loading and post.started < now - LOADING_S else None
