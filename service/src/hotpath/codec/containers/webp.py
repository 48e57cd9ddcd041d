"""WebP headers (RFC 9649)."""

from __future__ import annotations

import struct

from hotpath.codec import errors
from hotpath.codec.exif import orientation
from hotpath.codec.header import MAX_PARTS, ImageHeader

_HAS_EXIF = 0x08


def read_header(body: bytes) -> ImageHeader:
    """Read the size from the first chunk, and the orientation where the extended header announces EXIF."""
    (riff_bytes,) = struct.unpack_from("<I", body, 4)
    if riff_bytes + 8 > len(body):
        raise errors.truncated("WebP")
    kind, _, data = struct.unpack_from("<4sI10s", body, 12)
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (4, 7))
        return ImageHeader("webp", width, height, _orientation(body) if data[0] & _HAS_EXIF else 1)
    if kind == b"VP8L" and data[0] == 0x2F:
        (bits,) = struct.unpack_from("<I", data, 1)
        return ImageHeader("webp", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if kind == b"VP8 " and data[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 6)
        return ImageHeader("webp", width & 0x3FFF, height & 0x3FFF)  # the upper two bits are a scaling hint
    raise errors.corrupt("WebP", "its first chunk is no image header")


def _orientation(body: bytes) -> int:
    position = 12
    for _ in range(MAX_PARTS):
        if position + 8 > len(body):
            return 1
        kind, length = struct.unpack_from("<4sI", body, position)
        if kind == b"EXIF":
            return orientation(body[position + 8 : position + 8 + length])
        position += 8 + length + length % 2
    raise errors.corrupt("WebP", f"it has more than {MAX_PARTS} chunks")
