"""A part of what clients asked goes to another service too, whose answers are compared and thrown away.

Nothing of a request is kept or logged: its copy goes out when it was answered, or never. A worker has one
copy on its way at a time, so a service that hangs gets no more than that, and costs nobody anything.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Set, Tuple

from starlette.requests import Request

from hotpath.http.multipart import as_form
from hotpath.ipc.offers import Comparison
from hotpath.metrics.table import Row
from hotpath.tasks.task import FORM

PATIENCE_S = 10.0
MOST_BYTES = 1 << 23
"""Of an answer."""
_HANDED_ON = ("authorization", "x-request-id")
"""What another service has to know besides the body: the same keys open it, and its log has the same id."""

Same = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]


class Comparing:
    """Of one worker."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self._with: Optional[Comparison] = None
        self._running: Set[asyncio.Task[None]] = set()

    def follow(self, comparison: Optional[Comparison]) -> None:
        """What the supervisor says."""
        self._with = comparison

    def answered(self, request: Request, kind: str, body: bytes, said: Mapping[str, Any], same: Same) -> None:
        """A request has its answer, and may be one to compare; nobody waits for that."""
        other = self._with
        if other is None or self._running or time.monotonic() > other.until or random.random() >= other.part:
            return
        copy = _copy(request, kind, body, other)
        task = asyncio.get_running_loop().create_task(self._compare(other, copy, said, same))
        self._running.add(task)  # a loop alone keeps no task alive
        task.add_done_callback(self._running.discard)

    async def _compare(
        self, other: Comparison, copy: List[bytes], said: Mapping[str, Any], same: Same
    ) -> None:
        try:
            status, answer = await asyncio.wait_for(_exchange(other, copy), PATIENCE_S)
            if status == 429:
                return  # it is busy, which says nothing of its answers
            result = "failed" if status != 200 else "agree" if same(said, json.loads(answer)) else "differ"
        except Exception:
            result = "failed"  # whatever it sent, or did not
        self._row.add("hotpath_compared", (result,))


def _copy(request: Request, kind: str, body: bytes, other: Comparison) -> List[bytes]:
    """The request once more, as its parts."""
    content_type, parts = as_form(body) if kind == FORM else (kind, [body])
    path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
    head: Dict[str, str] = {"Host": other.host, "Connection": "close", "Content-Type": content_type}
    head["Content-Length"] = str(sum(map(len, parts)))
    head.update({name: request.headers[name] for name in _HANDED_ON if name in request.headers})
    first = f"POST {path}{'?' if query else ''}{query} HTTP/1.1"
    lines = [first, *(f"{name}: {value}" for name, value in head.items()), "", ""]
    return ["\r\n".join(lines).encode("latin-1"), *parts]


async def _exchange(other: Comparison, copy: List[bytes]) -> Tuple[int, bytes]:
    """Status and body. Raises OSError, ValueError or EOFError."""
    reader, writer = await asyncio.open_connection(other.host, other.port, limit=MOST_BYTES)
    try:
        for part in copy:
            writer.write(part)
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        first, *fields = head.split(b"\r\n")
        headers = {name.lower(): value for name, _, value in (field.partition(b":") for field in fields)}
        length = min(int(headers.get(b"content-length", b"0")), MOST_BYTES)
        return int(first.split(b" ")[1]), await reader.readexactly(length)
    finally:
        writer.close()
