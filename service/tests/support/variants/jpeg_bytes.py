"""A JPEG's segments and data, and changes to them by bytes."""

from __future__ import annotations

import re
import struct
from typing import List, Tuple

END = b"\xff\xd9"
NO_CODES = b"\xff\0" * 100
"""More ones than any code has."""


def segments(body: bytes) -> List[Tuple[int, int, int]]:
    """(marker, start, end) of the segments up to the first scan's header."""
    found: List[Tuple[int, int, int]] = []
    at = 2
    while not found or found[-1][0] != 0xDA:
        (length,) = struct.unpack_from(">H", body, at + 2)
        found.append((body[at + 1], at, at + 2 + length))
        at += 2 + length
    return found


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def inserted(body: bytes, content: bytes, number: int = 1) -> bytes:
    """`content` in front of the segment of this number."""
    at = segments(body)[number][1]
    return body[:at] + content + body[at:]


def without(body: bytes, *markers: int) -> bytes:
    kept = [body[start:end] for marker, start, end in segments(body) if marker not in markers]
    return body[:2] + b"".join(kept) + body[segments(body)[-1][2] :]


def scan_zero(body: bytes) -> bytes:
    end = segments(body)[-1][2]
    assert body[end - 3 : end] == b"\0\x3f\0"
    return body[: end - 3] + bytes(3) + body[end:]


def revision(body: bytes, major: int, minor: int) -> bytes:
    assert body[6:11] == b"JFIF\0"
    return body[:11] + bytes((major, minor)) + body[13:]


def before_end(body: bytes, junk: bytes) -> bytes:
    return body[:-2] + junk + END


def before_restarts(body: bytes, junk: bytes, which: slice = slice(None)) -> bytes:
    start = segments(body)[-1][2]
    places = [found.start() + start for found in re.finditer(rb"\xff[\xd0-\xd7]", body[start:])]
    assert len(places) > 4
    for place in reversed(places[which]):
        body = body[:place] + junk + body[place:]
    return body


def middle(body: bytes) -> int:
    """A place in the middle of the data that divides no marker."""
    place = (segments(body)[-1][2] + len(body)) // 2
    return place + 2 * (0xFF in body[place - 1 : place + 1])


def broken(body: bytes) -> bytes:
    return body[: middle(body)] + NO_CODES + body[middle(body) + len(NO_CODES) :]


def cut(body: bytes) -> bytes:
    return body[: middle(body)]
