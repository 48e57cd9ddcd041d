"""Batch sizes to choose from, and buffers that batches in flight take in turn."""

from __future__ import annotations

from typing import Callable, Generic, List, Sequence, TypeVar

L = TypeVar("L")


def bucket_for(count: int, buckets: Sequence[int]) -> int:
    """The smallest batch size that holds `count` images. Raises ValueError where none does."""
    fitting = [size for size in buckets if size >= count]
    if count < 1 or not fitting:
        raise ValueError(f"no batch size among {list(buckets)} holds {count} images")
    return min(fitting)


class Lanes(Generic[L]):
    """As many sets of buffers as batches may be in flight. A set is free again once its batch is done."""

    def __init__(self, depth: int, make: Callable[[], L]) -> None:
        self._free: List[L] = [make() for _ in range(depth)]

    def take(self) -> L:
        """A free set. Raises RuntimeError where more batches are launched than `depth`."""
        if not self._free:
            raise RuntimeError("more batches were launched than may be in flight")
        return self._free.pop()

    def give_back(self, lane: L) -> None:
        """The batch in it was finished, and its results were read."""
        self._free.append(lane)
