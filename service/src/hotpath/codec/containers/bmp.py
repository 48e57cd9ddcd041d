"""BMP headers: OS/2's short one and Windows' longer ones."""

from __future__ import annotations

import struct

from hotpath.codec.header import ImageHeader

_OS2_HEADER = 12


def read_header(body: bytes) -> ImageHeader:
    """Read the size; a negative height says that rows run from the top."""
    (header_bytes,) = struct.unpack_from("<I", body, 14)
    width, height = struct.unpack_from("<HH" if header_bytes == _OS2_HEADER else "<ii", body, 18)
    return ImageHeader("bmp", width, abs(height))
