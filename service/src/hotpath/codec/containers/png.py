"""PNG headers (W3C PNG, third edition), APNG included: its default image is the one that counts."""

from __future__ import annotations

import struct
import zlib
from typing import List, Tuple

from hotpath.codec import errors
from hotpath.codec.exif import orientation
from hotpath.codec.header import MAX_PARTS, ImageHeader

_SIGNATURE = 8
_FRAMING = 12  # bytes of length, type and check sum around a chunk's data
_ESSENTIAL = {b"IHDR", b"PLTE", b"tRNS", b"IDAT"}


def read_header(body: bytes) -> ImageHeader:
    """Walk all chunks; note the orientation and where the chunks lie that the pixels need.

    Dropping the others also drops compressed texts and profiles that unpack to gigabytes. Once there are
    pixels, the picture ends with its end chunk or with whatever else is no whole chunk: where pixels are
    missing, the decoder tells.
    """
    length, first, width, height = struct.unpack_from(">I4sII", body, _SIGNATURE)
    if first != b"IHDR" or length != 13:
        raise errors.corrupt("PNG", "its first chunk is no image header")
    essential: List[Tuple[int, int]] = [(0, _SIGNATURE)]
    position, turn, pixels = _SIGNATURE, 1, False
    for _ in range(MAX_PARTS):
        length, kind = struct.unpack(">I4s", body[position : position + 8].ljust(8, b"\0"))
        end = position + _FRAMING + length
        cut_off = end > len(body)
        if kind == b"IEND" or (cut_off and pixels and kind != b"IDAT"):
            return ImageHeader("png", width, height, turn, tuple(essential))
        if cut_off:
            raise errors.truncated("PNG")
        if kind in _ESSENTIAL:
            (check_sum,) = struct.unpack_from(">I", body, end - 4)
            if zlib.crc32(memoryview(body)[position + 4 : end - 4]) != check_sum:
                raise errors.corrupt("PNG", f"the check sum of its {kind.decode()} chunk is wrong")
            start = essential.pop()[0] if essential[-1][1] == position else position
            essential.append((start, end))
        elif kind == b"eXIf":
            turn = orientation(body[position + 8 : end - 4])
        pixels = pixels or kind == b"IDAT"
        position = end
    raise errors.corrupt("PNG", f"it has more than {MAX_PARTS} chunks")
