"""Request ids: the client's own where it is sane, else one that no other process makes."""

from __future__ import annotations

import itertools
import os
import re

_SANE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._~:/+=@-]{0,127}")
"""What is taken over: nothing that could end a header, break a log line or fill a disk."""


class RequestIds:
    """Ids of one process: a random start of 64 bits, and a counter."""

    def __init__(self) -> None:
        self._prefix = os.urandom(8).hex()
        self._numbers = itertools.count(1)

    def of(self, given: bytes) -> str:
        """The id of a request whose X-Request-Id is `given` (empty: none)."""
        if given and _SANE.fullmatch(given):
            return given.decode("ascii")
        return f"{self._prefix}-{next(self._numbers):x}"
