"""Open files: each worker has a link to each engine, and the supervisor keeps both ends of all of them."""

from __future__ import annotations

import resource

from hotpath.core import Refusal

_OTHERS = 256
"""Listeners, logs, libraries, and what a process opens while it starts."""


def make_room(workers: int, seats: int) -> None:
    """Let this process and its children open as many files as the system allows, which connections need too.

    Raises Refusal where that is too few for the links of so many workers with so many seats for engines.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    needed = 2 * workers * (seats + 2) + _OTHERS
    if most != resource.RLIM_INFINITY and most < needed:
        raise Refusal(
            f"{workers} HTTP workers with links to {seats} seats of engines need {needed} open files, "
            f"and this process may have {most}.",
            "Raise its limit (LimitNOFILE, ulimit -Hn), or lower server.workers or models.engines.",
        )
