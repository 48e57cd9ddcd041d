"""How long something takes where nobody else wants the CPUs, although somebody does."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Callable, Dict

Measure = Callable[[Callable[[], object]], float]
"""Does some work, and says how many seconds that takes."""

_THREADS = Path("/proc/self/task")


def by_the_clock(work: Callable[[], object]) -> float:
    """All of them."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


def undisturbed(work: Callable[[], object]) -> float:
    """Without those in which a thread of this process stood ready and had no CPU.

    Of several threads the longest wait counts, since they wait side by side; what is left is never less than
    this thread has computed. Where the kernel keeps no account of waits, it is all of the seconds.
    """
    started, entered, before, begun = time.monotonic(), time.thread_time(), _waits(), time.thread_time()
    work()
    done, after, left, ended = time.thread_time(), _waits(), time.thread_time(), time.monotonic()
    waited = max((wait - before.get(thread, 0) for thread, wait in after.items()), default=0) / 1e9
    accounting = begun - entered + left - done
    return max(done - begun, ended - started - waited - accounting)


def _waits() -> Dict[str, int]:
    """By thread: nanoseconds that it was ready to run and did not.

    The second number of schedstat, see Documentation/scheduler/sched-stats.rst of Linux.
    """
    found = {}
    for thread in _THREADS.iterdir():
        with contextlib.suppress(OSError, IndexError, ValueError):  # it has ended; or there is no account
            found[thread.name] = int((thread / "schedstat").read_text().split()[1])
    return found
