"""Judge a body by its first bytes and its header, before any pixel is decoded."""

from __future__ import annotations

import struct
from typing import Callable, Dict, Optional

from hotpath.codec import errors
from hotpath.codec.containers import bmp, gif, jpeg, png, webp
from hotpath.codec.header import ImageHeader
from hotpath.codec.spec import ImageLimits

_READERS: Dict[str, Callable[[bytes], ImageHeader]] = {
    "jpeg": jpeg.read_header,
    "png": png.read_header,
    "webp": webp.read_header,
    "gif": gif.read_header,
    "bmp": bmp.read_header,
}

_SIGNATURES = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
)

# Names for what people send by mistake, so that the refusal can say it.
_FOREIGN = (
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "gzip-compressed data"),
    (b"<", "markup text (HTML, SVG or XML)"),
    (b"{", "text (JSON, perhaps)"),
    (b"data:", "a data: address in text form instead of the bytes it stands for"),
    (b"--", "an unopened multipart body"),
)


def probe(body: bytes, limits: ImageLimits) -> ImageHeader:
    """Return the header of the image in `body`; raise `ImageError` when it is none, cut off, or too large."""
    if not body:
        raise errors.empty()
    format = _sniff(body)
    if format not in limits.formats:
        raise errors.unsupported(_describe(body, format), ", ".join(limits.formats))
    try:
        header = _READERS[format](body)
    except struct.error:  # the body ends inside a field
        raise errors.truncated(format.upper()) from None
    if min(header.width, header.height) < 1:
        raise errors.corrupt(format.upper(), f"its header declares {header.width} x {header.height} pixels")
    if header.width * header.height > limits.pixels:
        raise errors.too_many_pixels(header.width, header.height, limits.pixels)
    return header


def _sniff(body: bytes) -> Optional[str]:
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "webp"
    return next((format for signature, format in _SIGNATURES if body.startswith(signature)), None)


def _describe(body: bytes, format: Optional[str]) -> str:
    if format is not None:
        return f"a {format} image, which this service is set not to decode"
    if body[4:8] == b"ftyp":
        return "an HEIC, AVIF or video file"
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:8]
    named = next((name for signature, name in _FOREIGN if start.startswith(signature)), None)
    if named is None:
        printable = all(32 <= byte < 127 or byte in b"\t\r\n" for byte in body[:64])
        named = "plain text" if printable else "data in no known image format"
    return f"{named}, not an image this service decodes"
