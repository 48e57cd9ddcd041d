"""BMP headers: OS/2's short one, OS/2's second of many lengths, and Windows' longer ones."""

from __future__ import annotations

import struct

from hotpath.codec import errors
from hotpath.codec.header import ImageHeader

_PIXELS_AT, _HEADER_AT, _SIZE_AT, _COLOURS_AT = 10, 14, 18, 46  # where these fields lie
_OS2_HEADER, _WINDOWS_HEADER = 12, 40
_OS2_SECOND_HEADERS = {*range(16, 65, 4), 42, 46}
_READ_BY_PILLOW = {_OS2_HEADER, _WINDOWS_HEADER, 52, 56, 64, 108, 124}
_RUN_LENGTHS = (1, 2)


def read_header(body: bytes) -> ImageHeader:
    """Read the size; a negative height says that rows run from the top.

    Run lengths are refused: a few bytes of them can stand for all the pixels that are allowed, and what
    unpacks them here is an interpreter, a run at a time.
    """
    (header_bytes,) = struct.unpack_from("<I", body, _HEADER_AT)
    if header_bytes == _OS2_HEADER:
        return ImageHeader("bmp", *struct.unpack_from("<HH", body, _SIZE_AT))
    # OS/2's second header may stop behind any of its fields, which are then zero.
    windows = min(header_bytes, _WINDOWS_HEADER)
    start = bytearray(body[: _HEADER_AT + windows].ljust(_HEADER_AT + _WINDOWS_HEADER, b"\0"))
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", start, _SIZE_AT)
    if compression in _RUN_LENGTHS:
        raise errors.unsupported("a run-length encoded BMP", "a BMP without compression, or another format")
    rest = _HEADER_AT + windows
    if header_bytes in _OS2_SECOND_HEADERS - _READ_BY_PILLOW and not compression:
        rest = _HEADER_AT + header_bytes
        (pixels_at,) = struct.unpack_from("<I", start, _PIXELS_AT)
        struct.pack_into("<I", start, _PIXELS_AT, max(0, pixels_at - header_bytes + _WINDOWS_HEADER))
        struct.pack_into("<I", start, _HEADER_AT, _WINDOWS_HEADER)
    if bits <= 8:  # there may be more colours than pixels can name
        (colours,) = struct.unpack_from("<I", start, _COLOURS_AT)
        struct.pack_into("<I", start, _COLOURS_AT, min(colours, 1 << bits))
    return ImageHeader("bmp", width, abs(height), start=bytes(start), essential=((rest, len(body)),))
