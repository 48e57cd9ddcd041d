"""A JPEG written anew with what its pixels need, and nothing else.

libjpeg tells of the first thing alone that it finds odd, and that is often none of the picture's business.
What is written here has nothing odd left but in the picture's own data, and so that is what it then tells of.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Tuple

from hotpath.codec import errors
from hotpath.codec.containers import jpeg
from hotpath.codec.header import JpegHeader

END_MARK = b"\xff\xd9"
_RESTART = re.compile(rb"\xff+([\xd0-\xd7])")
_WITHOUT_PIXELS = {*range(0xE0, 0xF0), 0xFE}  # what applications add, and comments
_JFIF = b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"

_TRANSFORMS = {3: (0, 1), 4: (0, 2)}
"""Adobe's colour transforms, by the number of components; libjpeg takes what is none of them for the last."""

_SEQUENTIAL = b"\x00\x3f\x00"
"""How a sequential scan's header ends: from the first to the last coefficient, all their bits at once."""


@dataclass(frozen=True)
class Rewritten:
    """What comes before the data of the last scan, and these: as many pieces as restart markers divide."""

    head: bytes
    data: Tuple[bytes, ...]
    ended: bool
    """Whether an end mark followed them."""

    def body(self) -> bytes:
        """The picture as a JPEG file."""
        pieces = [self.head, self.data[0]]
        for number, data in enumerate(self.data[1:]):
            pieces += [bytes((0xFF, 0xD0 + number % 8)), data]
        return b"".join((*pieces, END_MARK))


def rewrite(body: bytes, header: JpegHeader) -> Rewritten:
    """Take the picture out of `body`, up to its end mark or, without one, to the end of its last scan's data.

    Raises `ImageError` where the end mark is missing and perhaps a scan with it.
    """
    head, data = [body[:2]], b""
    position, restarts, ended = 2, False, False
    scans = _Scans(header)
    while True:
        try:
            *segments, last = jpeg.segments(body, position)
        except errors.ImageError:
            if scans.are_all:
                break
            raise
        marker, start, end = last
        if marker == jpeg.END:
            ended = True
            break
        head.append(data)
        for segment in segments:
            head.append(_rewritten(body, segment, header))
            if segment[0] == jpeg.RESTART_INTERVAL:
                restarts = any(body[segment[1] + 2 : segment[2]])
        scan = body[start:end]
        if not header.progressive:
            scan = scan[:-3] + _SEQUENTIAL
        scans.note(scan)
        head.append(b"\xff\xda" + scan)
        position = jpeg.scan_end(body, end, restarts)
        data = body[end:position]
        if not header.several_scans:
            ended = body.startswith(END_MARK, position)
            break
    return Rewritten(b"".join(head), (data,) if header.several_scans else _divided(data), ended)


def _rewritten(body: bytes, segment: jpeg.Segment, header: JpegHeader) -> bytes:
    marker, start, end = segment
    content = body[start:end]
    if marker == jpeg.APP0 and content[2:7] == b"JFIF\0" and len(content) >= 16:
        return _JFIF
    if marker == jpeg.APP14 and jpeg.is_adobe(body, segment):
        known = _TRANSFORMS.get(header.components, (content[13],))
        transform = content[13] if content[13] in known else known[-1]
        return b"\xff\xee\x00\x0e" + content[2:13] + bytes((transform,))
    if marker in _WITHOUT_PIXELS:
        return b""
    return bytes((0xFF, marker)) + content


def _divided(data: bytes) -> Tuple[bytes, ...]:
    """The pieces between restart markers; one where these are not in their order, which means a lost one."""
    pieces = _RESTART.split(data)
    markers = [marker[0] for marker in pieces[1::2]]
    in_order = all(marker == 0xD0 + number % 8 for number, marker in enumerate(markers))
    return tuple(pieces[::2]) if in_order else (data,)


class _Scans:
    """Which coefficients of which components the scans have told of."""

    def __init__(self, header: JpegHeader) -> None:
        self._components = header.components
        self._whole: Dict[int, List[bool]] = {}

    def note(self, scan: bytes) -> None:
        """Count what a scan tells, by its header (T.81, B.2.3)."""
        first, last, bits = scan[-3:]
        for component in scan[3:-3:2]:
            whole = self._whole.setdefault(component, [False] * 64)
            for coefficient in range(first, min(last, 63) + 1):
                whole[coefficient] = bits & 0x0F == 0

    @property
    def are_all(self) -> bool:
        """Whether every bit of every coefficient has come."""
        return len(self._whole) == self._components and all(map(all, self._whole.values()))
