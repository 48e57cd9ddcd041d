"""Batch sizes to choose from, and buffers that batches in flight take in turn."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Callable, Generic, Iterator, List, Sequence, TypeVar

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

    @contextmanager
    def taken(self, settle: Callable[[], None]) -> Iterator[L]:
        """A free set for a batch that the block launches. Raises RuntimeError as `take` does.

        Where the block raises there will be no batch, and the set is free again; `settle` is called before,
        to wait until nothing reads or writes it any more.
        """
        lane = self.take()
        try:
            yield lane
        except BaseException:
            try:
                settle()
            finally:
                self.give_back(lane)
            raise

    def give_back(self, lane: L) -> None:
        """The batch in it was finished, and its results were read."""
        self._free.append(lane)
