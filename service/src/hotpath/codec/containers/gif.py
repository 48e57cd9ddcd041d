"""GIF headers (GIF89a specification) up to the first frame."""

from __future__ import annotations

import struct
from typing import Tuple

from hotpath.codec import errors
from hotpath.codec.header import MAX_PARTS, ImageHeader

_IMAGE, _EXTENSION, _GRAPHIC_CONTROL, _TRAILER = 0x2C, 0x21, 0xF9, 0x3B


def read_header(body: bytes) -> ImageHeader:
    """Find the canvas, and the first frame with its graphic control; comments before it are passed over."""
    width, height, flags = struct.unpack_from("<HHB", body, 6)
    position = 13 + _palette_bytes(flags)
    essential = [(0, position)]
    parts_left = MAX_PARTS
    while parts_left > 0:
        if position >= len(body) or body[position] == _TRAILER:
            raise errors.truncated("GIF")
        if body[position] == _IMAGE:
            left, top, frame_width, frame_height = struct.unpack_from("<HHHH", body, position + 1)
            # A frame may reach beyond the canvas; decoders then enlarge it.
            width, height = max(width, left + frame_width), max(height, top + frame_height)
            return ImageHeader("gif", width, height, essential=(*essential, (position, len(body))))
        if body[position] != _EXTENSION:
            raise errors.corrupt("GIF", "an unknown block comes before its first frame")
        (label,) = struct.unpack_from("<B", body, position + 1)
        end, parts = _after_sub_blocks(body, position + 2, parts_left)
        parts_left -= parts
        if label == _GRAPHIC_CONTROL:
            essential[1:] = [(position, end)]
        position = end
    raise errors.corrupt("GIF", f"it has more than {MAX_PARTS} parts before its first frame")


def _palette_bytes(flags: int) -> int:
    return 3 << (1 + (flags & 0x07)) if flags & 0x80 else 0


def _after_sub_blocks(body: bytes, position: int, most: int) -> Tuple[int, int]:
    """Where an extension ends that begins at `position`, and of how many parts it consists."""
    for part in range(most):
        (length,) = struct.unpack_from("<B", body, position)
        position += 1 + length
        if length == 0:
            return position, part + 1
    raise errors.corrupt("GIF", f"it has more than {MAX_PARTS} parts before its first frame")
