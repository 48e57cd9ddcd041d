"""The one EXIF tag that changes what a picture shows."""

from __future__ import annotations

import struct

_ORIENTATION = 0x0112
_SHORT = 3
_ENTRY = 12  # bytes of a directory entry: tag, type, count, value


def orientation(exif: bytes) -> int:
    """Return the orientation (1 to 8) that an EXIF block declares; 1 when it is absent or damaged."""
    tiff = exif[6:] if exif.startswith(b"Exif\0\0") else exif
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(order + "I", tiff, 4)
        (entries,) = struct.unpack_from(order + "H", tiff, directory)
        for entry in range(min(entries, 256)):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, directory + 2 + _ENTRY * entry)
            if tag == _ORIENTATION:
                return int(value) if kind == _SHORT and 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1
