"""Bytes behind the last block of a JPEG's data, which some cameras write and damaged pictures have."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import replace
from typing import Iterator, NamedTuple, Tuple

import simplejpeg

from hotpath.codec import errors
from hotpath.codec.containers import jpeg
from hotpath.codec.rewriting import END_MARK, Rewritten

_FEW = 8
"""A code that was changed shifts what follows, until whole blocks are left over at the end. In photographs at
quality 75 and 92 with a bit, a byte or eight bytes changed, or a byte lost, that was never less than this
without restart markers, and with them in one of seven."""

_BEFORE_END = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_BEFORE_RESTART = re.compile(r"(\d+) extraneous bytes before marker 0xd0")
_EXTRANEOUS = "extraneous bytes before marker"

# libjpeg reads up to eight bytes ahead, and counts none of these where a marker comes within them.
_FILLING = bytes(16)
_MAX_INTERVALS = 2048
"""Each is looked at by a call of its own; where there is one for each row of blocks, there are fewer."""
_MAX_SIDE = 65_500  # libjpeg's


def trimmed(picture: Rewritten, reason: str) -> Rewritten:
    """The picture without the bytes that libjpeg calls extraneous in `reason`.

    Few bytes are let go, or any number of one value, which is filling. Without an end mark they are what was
    written behind the picture, however many: an upload that was cut off has none left over. Raises
    `ImageError`, also where that is not what libjpeg complains of.
    """
    if len(picture.data) > 1 and _EXTRANEOUS in reason:
        return _trimmed_everywhere(picture)
    found = _BEFORE_END.search(reason)
    if found is None:
        raise errors.of_libjpeg(reason)
    last = _cut(picture.data[-1].rstrip(b"\xff"), int(found.group(1)), picture.ended)
    return replace(picture, data=(*picture.data[:-1], last))


def _cut(data: bytes, count: int, strict: bool) -> bytes:
    kept, left = data[: len(data) - count], data[len(data) - count :]
    if strict and count > _FEW and len(set(left)) > 1:
        raise errors.corrupt("JPEG", f"{count} bytes are left over behind its last block")
    return kept


def _trimmed_everywhere(picture: Rewritten) -> Rewritten:
    """Look at each restart interval alone: what libjpeg says of them together is about the first odd one."""
    last = len(picture.data) - 1
    intervals = (data.rstrip(b"\xff") for data in picture.data)
    kept = [
        _cut(data, _left_over(alone), strict=picture.ended or number < last)
        for number, (data, alone) in enumerate(zip(intervals, _each_alone(picture)))
    ]
    return replace(picture, data=tuple(kept))


def _left_over(twice: bytes) -> int:
    """How many bytes are left over in a restart interval, by the picture that `_each_alone` makes of it."""
    try:
        simplejpeg.decode_jpeg(twice, "GRAY", min_height=1, min_width=1, strict=True)
    except ValueError as error:
        found = _BEFORE_RESTART.search(str(error))
        if found is None:
            raise errors.of_libjpeg(str(error)) from error
        count = int(found.group(1)) - len(_FILLING)
        if count >= 0:
            return count
    raise errors.truncated("JPEG")


def _each_alone(picture: Rewritten) -> Iterator[bytes]:
    """A picture of each restart interval: it twice, with filling before the marker between."""
    head = _opened(picture.head)
    in_row, rows = -(-head.width // head.block[0]), -(-head.height // head.block[1])
    count = len(picture.data)
    if count > _MAX_INTERVALS or count != -(-in_row * rows // head.interval):
        raise errors.corrupt("JPEG", f"it has {count} restart intervals, and bytes left over behind some")
    for number, data in enumerate(picture.data):
        blocks = min(head.interval, in_row * rows - number * head.interval)
        columns = blocks if blocks * head.block[0] <= _MAX_SIDE else math.gcd(blocks, in_row)
        size = struct.pack(">HH", 2 * blocks // columns * head.block[1], columns * head.block[0])
        interval = b"\xff\xdd\0\4" + struct.pack(">H", blocks)
        filled = data + _FILLING
        yield b"".join(
            (
                head.before_size,
                size,
                head.after_size,
                interval,
                head.scan,
                filled,
                b"\xff\xd0",
                filled,
                END_MARK,
            )
        )


class _Head(NamedTuple):
    """A head without its size, its restart interval and its scan's header."""

    before_size: bytes
    after_size: bytes
    scan: bytes
    height: int
    width: int
    block: Tuple[int, int]
    """Width and height in pixels of what is counted in an interval."""
    interval: int


def _opened(head: bytes) -> _Head:
    interval, size_at = 0, 0
    pieces = [head[:2]]
    for marker, start, end in jpeg.segments(head, 2):
        if marker == jpeg.RESTART_INTERVAL:
            (interval,) = struct.unpack_from(">H", head, start + 2)
            continue
        if marker in jpeg.FRAMES:
            size_at = sum(map(len, pieces)) + 5
        pieces.append(head[start - 2 : end])
    rest = b"".join(pieces[:-1])
    height, width, components = struct.unpack_from(">HHB", rest, size_at)
    samplings = rest[size_at + 6 : size_at + 5 + 3 * components : 3]
    if components == 1:
        samplings = b"\x11"  # the blocks of one component come one by one, whatever it declares
    block = (8 * max(value >> 4 for value in samplings), 8 * max(value & 15 for value in samplings))
    return _Head(rest[:size_at], rest[size_at + 4 :], pieces[-1], height, width, block, interval)
