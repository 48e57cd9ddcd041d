"""What is known of an image before its pixels are decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

# A bound on the segments, chunks or blocks that are walked in Python. Real files stay far below (a 20 MB PNG
# in the usual 8 KiB chunks has 2,500); a hostile one could otherwise keep an interpreter busy for minutes.
MAX_PARTS = 16_384


@dataclass(frozen=True)
class ImageHeader:
    """Format and stored size (pixels, before the EXIF orientation is applied) of an image.

    `essential` lists the byte ranges (start, end) that the pixels need, empty for the whole body. The rest
    (texts, colour profiles) is never shown to a decoder. `start` is shown to it before them, in the place of
    a header that it might not read.
    """

    format: str
    width: int
    height: int
    orientation: int = 1
    essential: Tuple[Tuple[int, int], ...] = ()
    start: bytes = b""


@dataclass(frozen=True)
class JpegHeader(ImageHeader):
    """What a JPEG declares beyond that: its components, and Adobe's marker, which means inverted CMYK."""

    components: int = 3
    adobe: bool = False
    progressive: bool = False
    several_scans: bool = False
    """Whether decoding may pass over the picture more than once."""
