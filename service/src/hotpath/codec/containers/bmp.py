"""BMP headers: OS/2's short one and Windows' longer ones."""

from __future__ import annotations

import struct

from hotpath.codec import errors
from hotpath.codec.header import ImageHeader

_OS2_HEADER = 12
_RUN_LENGTHS = (b"\1\0\0\0", b"\2\0\0\0")


def read_header(body: bytes) -> ImageHeader:
    """Read the size; a negative height says that rows run from the top.

    Run lengths are refused: a few bytes of them can stand for all the pixels that are allowed, and what
    unpacks them here is an interpreter, a run at a time.
    """
    (header_bytes,) = struct.unpack_from("<I", body, 14)
    if header_bytes > _OS2_HEADER and body[30:34] in _RUN_LENGTHS:
        raise errors.unsupported("a run-length encoded BMP", "a BMP without compression, or another format")
    width, height = struct.unpack_from("<HH" if header_bytes == _OS2_HEADER else "<ii", body, 18)
    return ImageHeader("bmp", width, abs(height))
