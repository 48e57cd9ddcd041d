"""JSON from others."""

from __future__ import annotations

import contextlib
import gc
import json
import threading
from typing import Any, Iterator

MOST_BYTES = 8 << 20
"""Of what requests bring: values grow many times in memory, and parsing stops a worker."""

_PAUSED = threading.Lock()
"""One thread at a time, for the collector is the process's: another's end must not start it under this one.

That costs nothing, for only one thread parses at a time as it is: the parser keeps the interpreter's lock.
"""


def parse(text: bytes) -> Any:
    """The value that UTF-8 text says. Raises ValueError in words, for text that is nested too deeply too."""
    try:
        with _no_collection():
            return json.loads(text.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from starting in here.

    It calls finalizers and callbacks. Python up to 3.8 ends the whole process ("Cannot recover from stack
    overflow") where those go on below a stack that is used up, which nested text brings about.
    """
    with _PAUSED:
        enabled = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if enabled:
                gc.enable()
