"""Children that live and get nothing done any more."""

from __future__ import annotations

import os
import signal
import time
from typing import Callable, Dict, Iterable, List, Optional

from hotpath.metrics.table import Row
from hotpath.supervisor.roster import Post

HUNG_S = 10.0
"""A child at one thing for as long, and longer than any request may take, hangs: nobody waits for it."""

SINCE = {
    "engine": {
        "hotpath_engine_batch_since_seconds": "worked at one batch",
        "hotpath_engine_seen_at_seconds": "not come back to its loop",
    },
    "worker": {"hotpath_worker_seen_at_seconds": "not come back to its event loop"},
}
"""What tells in a child's row since when it is at one thing, on the monotonic clock; 0 while it is not.

The first that is not 0 counts: an engine that has a batch, which its loop may run itself, is judged by that
alone; one that has none by its loop, which comes round every second."""

LOADING_S = 600.0
"""An engine that is not warm after as long hangs too; a swap gives up sooner."""


class Watch:
    """Ends children that hang. To be asked several times in `longest_s`."""

    def __init__(self, longest_s: float) -> None:
        """`longest_s` is how long a child may be at one thing."""
        self._longest_s = longest_s
        self._asked = self._fair_from = time.monotonic()
        self._ended: Dict[str, int] = {}
        """Incarnations that were killed, by the name of their post: once is enough."""

    @property
    def patience(self) -> float:
        """Seconds until it is to be asked again."""
        return self._longest_s / 4

    def end_hung(self, posts: Iterable[Post], row_of: Callable[[Post], Row]) -> List[str]:
        """Kill the running children that hang; who did what for too long.

        Where this process was not there itself, because the machine slept or had no CPU for it, neither were
        they: then they get the time to come round.
        """
        now = time.monotonic()
        if now - self._asked > 2 * self.patience:
            self._fair_from = now + self.patience
        self._asked = now
        if now < self._fair_from:
            return []
        hung = []
        for post in posts:
            if post.pid is None or self._ended.get(post.name) == post.incarnation:
                continue
            sign = _sign(post, row_of(post), now, self._longest_s)
            if sign is not None:
                os.kill(post.pid, signal.SIGKILL)
                self._ended[post.name] = post.incarnation
                hung.append(f"{post.name} {sign}")
        return hung


def _sign(post: Post, row: Row, now: float, longest_s: float) -> Optional[str]:
    for name, doing in SINCE[post.role].items():
        since = row.get(name)
        if since > 0.0:
            return f"has {doing} for {longest_s:.0f} s" if since < now - longest_s else None
    loading = post.role == "engine" and not row.get("hotpath_engine_ready")
    return f"has loaded for {LOADING_S:.0f} s" if loading and post.started < now - LOADING_S else None
