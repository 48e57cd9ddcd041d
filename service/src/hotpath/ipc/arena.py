"""The arena: one shared mapping of equal slots that hold decoded images.

A worker decodes straight into a slot and an engine reads it from there, so pixels are never copied through a
socket. The supervisor maps the arena before it forks; children inherit the mapping. Who holds which slot lies
in slots.py; here each worker only has a home, the slots that it looks for a free one in first.
"""

from __future__ import annotations

import errno
import mmap
import os
import tempfile
from typing import TYPE_CHECKING, Any, Tuple

from hotpath.core import Refusal

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

    def view(self, slot: int, shape: Tuple[int, ...], dtype: str = "uint8") -> NDArray[Any]:
        """The first bytes of `slot` as a writable array of `shape`."""
        import numpy

        return numpy.ndarray(shape, dtype=dtype, buffer=self._memory, offset=slot * self.stride)


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
