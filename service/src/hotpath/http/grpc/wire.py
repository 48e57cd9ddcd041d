"""The top level of an encoded message, read without decoding what is in it.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from typing import Iterator, Optional, Tuple

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10


def fields(content: bytes) -> Iterator[Tuple[int, int]]:
    """The number of each field and the bytes of its value, up to the first that is not well-formed."""
    place = 0
    while place < len(content):
        tag, place = _varint(content, place)
        if tag is None or tag >> 3 == 0:
            return
        kind, size = tag & 7, None
        if kind == _BYTES:
            size, place = _varint(content, place)
        elif kind == _VARINT:
            start = place
            value, place = _varint(content, place)
            size = None if value is None else place - start
            place = start
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        if size is None or place + size > len(content):
            return
        yield tag >> 3, size
        place += size


def _varint(content: bytes, place: int) -> Tuple[Optional[int], int]:
    """A number and where it ends; None where there is none."""
    value = 0
    for index, byte in enumerate(content[place : place + _LONGEST_VARINT]):
        value |= (byte & 127) << 7 * index
        if byte < 128:
            return value, place + index + 1
    return None, place
