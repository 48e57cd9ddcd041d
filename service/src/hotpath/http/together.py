"""Several things at once, of which all are wanted."""

from __future__ import annotations

import asyncio
from typing import Any, Coroutine, List, Sequence, TypeVar

T = TypeVar("T")


async def together(ways: Sequence[Coroutine[Any, Any, T]]) -> List[T]:
    """All results, in order. When one fails, the others are stopped before its error is raised."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()  # without effect on one that is done
        await asyncio.gather(*tasks, return_exceptions=True)
