"""Forking a child that is tidy from its first instruction and never outlives the supervisor."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from typing import Callable, Tuple

from hotpath.core import HotpathError, Refusal
from hotpath.logs import name_process
from hotpath.supervisor import memory
from hotpath.supervisor.placement import Place

log = logging.getLogger(__name__)

REFUSED = 78
"""Exit status of a child that can't ever start as configured (EX_CONFIG of sysexits.h)."""
FAILED = 70
"""Exit status of a child that failed in a way it did not foresee (EX_SOFTWARE)."""

_MOST_REASON = 4096
"""Bytes; what a pipe takes at once, so that leaving a reason can't block."""

# linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15


class Reason:
    """Why a child ended, in its own words: they outlive it in a pipe."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)

    def leave(self, text: str) -> None:
        """In the child, before it ends."""
        os.write(self._writer, text.encode()[:_MOST_REASON])

    def keep(self) -> None:
        """In the parent, once the child runs."""
        os.close(self._writer)

    def discard(self) -> None:
        """There is no child after all."""
        os.close(self._reader)
        os.close(self._writer)

    def take(self) -> str:
        """In the parent, once the child has ended; empty when it could leave none."""
        try:
            return os.read(self._reader, _MOST_REASON).decode(errors="replace")
        except BlockingIOError:  # one of its own children still has the pipe open
            return ""
        finally:
            os.close(self._reader)


def fork(name: str, place: Place, policy: str, work: Callable[[], None], reason: Reason) -> int:
    """Run `work` in a child called `name` in its place; return its process id. `policy`: see memory.place.

    An error that ends it is logged and left in `reason`. The parent must be single-threaded. SIGINT is
    ignored in the child, for a terminal sends it to the whole group and only the supervisor acts on it; so is
    SIGHUP. SIGTERM is held back until the child has a handler of its own and unblocks it: one that is
    asked to end while it still starts does so then. Raises OSError where there can be no other process.
    """
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    # Before the fork, or one that comes right after it would go to the parent's handler, in the child.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    pid = -1
    try:
        pid = os.fork()
    finally:
        if pid != 0:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    if pid:
        reason.keep()
        return pid
    status = FAILED
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _die_with(parent)
        name_process(name)
        show_name(name)
        if place.cpus:
            _pin(place.cpus)
        memory.place(policy, place.node)
        work()
        status = 0
    except HotpathError as error:
        log.error("%s", error)
        reason.leave(str(error))
        status = REFUSED if isinstance(error, Refusal) else FAILED
    except BaseException as error:
        log.exception("the process failed")
        reason.leave(f"{type(error).__name__}: {error}")
    finally:
        sys.stderr.flush()
        os._exit(status)  # nothing of the parent's clean-up may run here


def show_name(name: str) -> None:
    """Let ps, top and /proc/<pid>/comm show the calling process as `name` (15 bytes at most)."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode()[:15])


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        os._exit(FAILED)


def _pin(cpus: Tuple[int, ...]) -> None:
    wanted = set(cpus)
    try:
        os.sched_setaffinity(0, wanted)
        obtained = os.sched_getaffinity(0)
    except OSError:
        obtained = set()
    if obtained != wanted:
        raise Refusal(
            f"The plan places this process on CPUs {sorted(wanted)}, of which it may use {sorted(obtained)}.",
            "Make the plan again on this host, or widen the unit's allowed CPUs.",
        )
