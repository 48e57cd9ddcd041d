"""The arena: one shared mapping of equal slots that hold items.

A worker decodes straight into a slot and an engine reads it from there, so items are never copied through a
socket. The supervisor maps the arena before it forks; children inherit the mapping. Who holds which slot lies
in slots.py; here each worker only has a home, the slots that it looks for a free one in first.
"""

from __future__ import annotations

import errno
import mmap
import os
import tempfile
from typing import TYPE_CHECKING, Any, Optional, Sequence, Tuple

from hotpath.core import Refusal, TensorSpec, placed

if (
    TYPE_CHECKING
):  # the supervisor must not import numpy: its BLAS starts threads, and threads don't survive a fork
    import numpy
    from numpy.typing import NDArray

_ALIGNMENT = 4096


class Arena:
    """`slots` equal buffers of at least `slot_bytes` bytes, page-aligned, shared with every forked child."""

    def __init__(self, slots: int, slot_bytes: int, directory: str = "") -> None:
        self.slots = slots
        self.stride = stride_of(slot_bytes)
        self._memory = (
            _map_file(directory, slots * self.stride) if directory else mmap.mmap(-1, slots * self.stride)
        )

    def touch(self, slots: range) -> None:
        """Let the kernel back the slots with memory now, under the memory policy of the calling process."""
        for offset in range(slots.start * self.stride, slots.stop * self.stride, _ALIGNMENT):
            self._memory[offset] = 0

    def whole(self) -> NDArray[numpy.uint8]:
        """All slots as one array (bytes,), for a device that wants to know the memory it will read."""
        import numpy

        return numpy.frombuffer(self._memory, dtype=numpy.uint8)

    def item(
        self, slot: int, specs: Sequence[TensorSpec], units: Optional[int] = None
    ) -> Tuple[NDArray[Any], ...]:
        """The tensors of the item in `slot`, writable; those that vary as long as `units` says, or whole."""
        import numpy

        begin = slot * self.stride
        found = []
        for start, spec in placed(specs):
            shape = (units, *spec.shape[1:]) if spec.varies and units is not None else spec.shape
            found.append(numpy.ndarray(shape, spec.dtype, self._memory, begin + start))
        return tuple(found)


def stride_of(slot_bytes: int) -> int:
    """Bytes from one slot to the next."""
    return -(-slot_bytes // _ALIGNMENT) * _ALIGNMENT


def slots_of(worker: int, workers: int, slots: int) -> range:
    """The home of `worker`; the homes of all workers cover every slot exactly once."""
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
