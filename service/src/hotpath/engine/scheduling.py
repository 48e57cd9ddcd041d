"""How the kernel schedules an engine that computes on the CPUs it shares with the HTTP workers."""

from __future__ import annotations

import logging
import os

log = logging.getLogger(__name__)


def give_way() -> None:
    """Let this thread, and those it starts, not interrupt who runs (SCHED_BATCH, sched(7)).

    Otherwise the first image of many wakes the engine, which takes the worker's CPU in the middle of decoding
    the second, to run a batch of one. So it gets its CPU when the worker has no more to do, or has used up
    its turn, and finds several waiting. On a CPU that is idle it runs at once, as ever, and its part of the
    processor stays the same.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except OSError as error:  # a sandbox may forbid it
        log.warning("no SCHED_BATCH for the engine (%s): batches will be smaller under load", error.strerror)
