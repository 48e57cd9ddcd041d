"""JPEG headers (ITU-T T.81, annex B)."""

from __future__ import annotations

import re
import struct

from hotpath.codec import errors
from hotpath.codec.exif import orientation
from hotpath.codec.header import MAX_PARTS, JpegHeader

_MARKER = re.compile(rb"\xff+([\x01-\xfe])")
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_END, _SCAN, _APP1, _APP14 = 0xD9, 0xDA, 0xE1, 0xEE
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE_FRAMES = {0xC2, 0xCA}
_DECODABLE_FRAMES = {0xC0, 0xC1, 0xC9} | _PROGRESSIVE_FRAMES  # baseline and extended

# Each scan costs a pass over all blocks. Encoders write about ten, where they write several.
_MAX_SCANS = 64


def read_header(body: bytes) -> JpegHeader:
    """Walk the segments up to the first scan."""
    position, turn, adobe, frame = 2, 1, False, None
    for _ in range(MAX_PARTS):
        found = _MARKER.match(body, position)
        if found is None and position < len(body) - 1:
            raise errors.corrupt("JPEG", f"no marker at byte {position}, where one must be")
        if found is None or found.group(1)[0] == _END:
            raise errors.truncated("JPEG")
        marker, position = found.group(1)[0], found.end()
        if marker in _WITHOUT_LENGTH:
            continue
        if marker == _SCAN:
            break
        (length,) = struct.unpack_from(">H", body, position)
        if marker in _FRAMES:
            frame = (marker, *struct.unpack_from(">BHHB", body, position + 2))
        elif marker == _APP1 and body[position + 2 : position + 8] == b"Exif\0\0":
            turn = orientation(body[position + 2 : position + length])
        elif marker == _APP14 and body[position + 2 : position + 7] == b"Adobe":
            adobe = True
        position += length
    else:
        raise errors.corrupt("JPEG", f"it has more than {MAX_PARTS} segments before its first scan")
    if frame is None:
        raise errors.corrupt("JPEG", "no frame header comes before its first scan")
    marker, precision, height, width, components = frame
    if marker not in _DECODABLE_FRAMES or precision != 8 or components not in (1, 3, 4):
        variant = (
            f"a JPEG of an uncommon kind (frame 0x{marker:02X}, {precision} bits, {components} components)"
        )
        raise errors.unsupported(variant, "a baseline or progressive JPEG with 8 bits, or another format")
    (in_first_scan,) = struct.unpack_from(">B", body, position + 2)
    several_scans = marker in _PROGRESSIVE_FRAMES or in_first_scan < components
    if several_scans and body.count(b"\xff\xda", position) >= _MAX_SCANS:
        raise errors.corrupt("JPEG", f"it has more than {_MAX_SCANS} scans")
    return JpegHeader(
        "jpeg", width, height, turn, components=components, adobe=adobe, several_scans=several_scans
    )
