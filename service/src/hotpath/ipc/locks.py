"""Locks of the kernel's on single bytes, which decide between processes that reach for the same thing.

A lock is only tried, never waited for, and the kernel drops it with its holder; so no process, stopped or
dead, can hold up another. They belong to processes: within one, nobody is kept out.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from typing import Iterator


class ByteLocks:
    """One for each number. Made by the supervisor before it forks."""

    def __init__(self, name: str) -> None:
        self._file = os.memfd_create(name)

    @contextlib.contextmanager
    def tried(self, number: int) -> Iterator[bool]:
        """Hold the lock within; whether nobody else does."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
            yield False
            return
        try:
            yield True
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, number)
