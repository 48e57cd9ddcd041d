"""The arena: one shared mapping of slots that hold items.

A worker decodes straight into a slot and an engine reads it from there, so items are never copied through a
socket. The supervisor maps the arena before it forks; children inherit the mapping. Who holds which slot lies
in slots.py; here each worker only has a home, the slots that it looks for a free one in first.
"""

from __future__ import annotations

import errno
import mmap
import os
import tempfile
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, List, Optional, Tuple

from hotpath.core import Refusal, TensorSpec, placed

if (
    TYPE_CHECKING
):  # the supervisor must not import numpy: its BLAS starts threads, and threads don't survive a fork
    import numpy
    from numpy.typing import NDArray

_ALIGNMENT = 4096


@dataclass(frozen=True)
class SlotClasses:
    """Slots of several sizes: `each` of every size, those of one size together, the smallest first.

    So what is small never takes the slot of what is large, however much of it there is.
    """

    each: int
    sizes: Tuple[int, ...]
    """Bytes that a slot holds at least, ascending."""

    @property
    def slots(self) -> int:
        """How many there are."""
        return self.each * len(self.sizes)

    @property
    def nbytes(self) -> int:
        """What all of them take."""
        return self.each * sum(stride_of(size) for size in self.sizes)

    def holding(self, nbytes: int) -> int:
        """The class of the smallest slots that hold so many bytes; the last, where none does."""
        return min(bisect_left(self.sizes, nbytes), len(self.sizes) - 1)

    def offset(self, slot: int) -> int:
        """The first byte of a slot."""
        kind, number = divmod(slot, self.each)
        return self._starts[kind] + number * self._strides[kind]

    @cached_property
    def _strides(self) -> List[int]:
        return [stride_of(size) for size in self.sizes]

    @cached_property
    def _starts(self) -> List[int]:
        return [self.each * sum(self._strides[:kind]) for kind in range(len(self.sizes))]


class Arena:
    """Page-aligned buffers of these classes, shared with every forked child."""

    def __init__(self, classes: SlotClasses, directory: str = "") -> None:
        self.classes = classes
        self._memory = _map_file(directory, classes.nbytes) if directory else mmap.mmap(-1, classes.nbytes)

    def touch(self, home: range) -> None:
        """Let the kernel back a home's slots with memory now, under the policy of the calling process."""
        for kind, size in enumerate(self.classes.sizes):
            begin = self.classes.offset(kind * self.classes.each + home.start)
            for offset in range(begin, begin + len(home) * stride_of(size), _ALIGNMENT):
                self._memory[offset] = 0

    def whole(self) -> NDArray[numpy.uint8]:
        """All slots as one array (bytes,), for a device that wants to know the memory it will read."""
        import numpy

        return numpy.frombuffer(self._memory, dtype=numpy.uint8)

    def item(
        self, slot: int, specs: Tuple[TensorSpec, ...], units: Optional[int] = None
    ) -> Tuple[NDArray[Any], ...]:
        """The tensors of the item in `slot`, writable; those that vary as long as `units` says, or whole."""
        import numpy

        begin = self.classes.offset(slot)
        found = []
        for start, spec in placed(specs):
            shape = (units, *spec.shape[1:]) if spec.varies and units is not None else spec.shape
            found.append(numpy.ndarray(shape, spec.dtype, self._memory, begin + start))
        return tuple(found)


def stride_of(slot_bytes: int) -> int:
    """Bytes from one slot to the next."""
    return -(-slot_bytes // _ALIGNMENT) * _ALIGNMENT


def slots_of(worker: int, workers: int, slots: int) -> range:
    """The home of `worker` among the slots of a class; those of all workers cover each exactly once."""
    return range(worker * slots // workers, (worker + 1) * slots // workers)


def _map_file(directory: str, size: int) -> mmap.mmap:
    """Map an unnamed file in `directory`, which is meant to be a hugetlbfs mount."""
    try:
        page = os.statvfs(directory).f_bsize
        size = -(-size // page) * page
        descriptor, name = tempfile.mkstemp(prefix="hotpath-arena-", dir=directory)
        try:
            os.unlink(name)  # the mapping keeps it alive, and nothing is left behind after a crash
            os.ftruncate(descriptor, size)
            return mmap.mmap(descriptor, size)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in (errno.ENOMEM, errno.ENOSPC):
            raise Refusal(
                f"The arena needs {size} bytes in {directory}, which has not enough free pages.",
                "Reserve more hugepages, lower limits.queue, or set placement.arena to an empty string.",
            ) from error
        raise Refusal(
            f"placement.arena = {directory!r} can't hold the arena ({error.strerror}).",
            "Name a writable hugetlbfs mount, or an empty string for ordinary shared memory.",
        ) from error
