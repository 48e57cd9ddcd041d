"""How the kernel schedules an engine that computes on the CPUs it shares with the HTTP workers."""

from __future__ import annotations

import logging
import os

log = logging.getLogger(__name__)

NICENESS = 5
"""A third of a worker's part, where both want the same CPU."""


def give_way() -> None:
    """Let this process's threads, and those they start, not interrupt who runs (SCHED_BATCH), and take less.

    Otherwise the first image of many wakes the engine, which takes the worker's CPU in the middle of decoding
    the second, to run a batch of one. So it gets its CPU when the worker has no more to do, or has used up
    its turn, and finds several waiting. Where there is not enough for both, the workers get the more, so that
    what is run are full batches, which take less for each image; as soon as they have nothing left to decode,
    the engine has it all. On a CPU that is idle it runs at once, as ever. See sched(7).
    """
    try:
        for thread in map(int, os.listdir("/proc/self/task")):
            os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))
            os.setpriority(os.PRIO_PROCESS, thread, max(NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))
    except OSError as error:  # a sandbox may forbid it
        log.warning("no SCHED_BATCH for the engine (%s): batches will be smaller under load", error.strerror)
