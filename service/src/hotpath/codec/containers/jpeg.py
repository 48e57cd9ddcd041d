"""JPEG headers (ITU-T T.81, annex B)."""

from __future__ import annotations

import re
import struct
from typing import Iterator, Tuple

from hotpath.codec import errors
from hotpath.codec.exif import orientation
from hotpath.codec.header import MAX_PARTS, JpegHeader

# As libjpeg looks for it: filling (FF) and bytes that belong to no segment are passed over.
_MARKER = re.compile(rb"\xff[\x01-\xfe]")
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
END, SCAN, RESTART_INTERVAL, APP0, APP14 = 0xD9, 0xDA, 0xDD, 0xE0, 0xEE
_APP1 = 0xE1
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE_FRAMES = {0xC2, 0xCA}
_DECODABLE_FRAMES = {0xC0, 0xC1, 0xC9} | _PROGRESSIVE_FRAMES  # baseline and extended

_MAX_STRAY = 0xFFFF
"""Bytes between segments that belong to none: some cameras write a few; here as many as one segment holds."""

_MAX_SCANS = 64
"""Each scan costs a pass over all blocks. Encoders write about ten, where they write several."""


Segment = Tuple[int, int, int]
"""A marker, and where its content starts, with two bytes of length, and ends."""


def segments(body: bytes, position: int) -> Iterator[Segment]:
    """The segments from `position` on, up to a scan's header or the end mark, which is the last one.

    Raises `ImageError` where neither comes, or too much comes before it.
    """
    stray, size = 0, len(body)
    for _ in range(MAX_PARTS):
        if position + 1 < size and body[position] == 0xFF and 0 < body[position + 1] < 0xFF:
            position += 2  # the next one begins where this one ends, as nearly always
        else:
            found = _MARKER.search(body, position)
            start, end = found.span() if found else (size, size)
            stray += start - position - body.count(b"\xff", position, start)
            if stray > _MAX_STRAY:
                raise errors.corrupt(
                    "JPEG", f"more than {_MAX_STRAY} bytes between its segments belong to none"
                )
            if not found:
                raise errors.truncated("JPEG")
            position = end
        marker = body[position - 1]
        if marker == END:
            yield marker, position, position
            return
        if marker in _WITHOUT_LENGTH:
            continue
        if position + 2 > size:
            raise errors.truncated("JPEG")
        length = body[position] << 8 | body[position + 1]
        end = position + (length if length > 2 else 2)  # its length counts itself
        if end > size:
            raise errors.truncated("JPEG")
        yield marker, position, end
        if marker == SCAN:
            return
        position = end
    raise errors.corrupt("JPEG", f"it has more than {MAX_PARTS} segments before a scan")


def read_header(body: bytes) -> JpegHeader:
    """Walk the segments up to the first scan."""
    turn, adobe, frame = 1, False, None
    for segment in segments(body, 2):
        marker, start, end = segment
        if marker in FRAMES:
            frame = (marker, *struct.unpack_from(">BHHB", body, start + 2))
        elif marker == _APP1 and turn == 1 and body[start + 2 : start + 8] == b"Exif\0\0":
            turn = orientation(body[start + 2 : end])
        elif marker == APP14 and is_adobe(body, segment):
            adobe = True
    if marker == END:
        raise errors.truncated("JPEG")
    if frame is None:
        raise errors.corrupt("JPEG", "no frame header comes before its first scan")
    kind, precision, height, width, components = frame
    if kind not in _DECODABLE_FRAMES or precision != 8 or components not in (1, 3, 4):
        variant = (
            f"a JPEG of an uncommon kind (frame 0x{kind:02X}, {precision} bits, {components} components)"
        )
        raise errors.unsupported(variant, "a baseline or progressive JPEG with 8 bits, or another format")
    (in_first_scan,) = struct.unpack_from(">B", body, start + 2)
    progressive = kind in _PROGRESSIVE_FRAMES
    several_scans = progressive or in_first_scan < components
    # What follows the picture may hold the same two bytes by chance, so many of them only arouse suspicion.
    if several_scans and body.count(b"\xff\xda", start) >= _MAX_SCANS:
        _count_scans(body, end)
    return JpegHeader(
        "jpeg",
        width,
        height,
        turn,
        components=components,
        adobe=adobe,
        progressive=progressive,
        several_scans=several_scans,
    )


def is_adobe(body: bytes, segment: Segment) -> bool:
    """Whether an APP14 is the one that tells how colours are stored."""
    _, start, end = segment
    return end - start >= 14 and body.startswith(b"Adobe", start + 2)


def scan_end(body: bytes, position: int, restarts: bool) -> int:
    """Where the entropy-coded data end that begin at `position`: at the next marker, or with the body.

    Restart markers are part of them where `restarts` are on.
    """
    found = (_AFTER_RESTARTS if restarts else _MARKER).search(body, position)
    return len(body) if found is None else found.start()


_AFTER_RESTARTS = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


def _count_scans(body: bytes, position: int) -> None:
    for _ in range(_MAX_SCANS - 1):
        *_, last = segments(body, scan_end(body, position, restarts=True))
        if last[0] == END:
            return
        position = last[2]
    raise errors.corrupt("JPEG", f"it has more than {_MAX_SCANS} scans")
