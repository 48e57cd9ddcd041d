"""BMPs with headers of every length and fields that nobody should believe."""

from __future__ import annotations

import struct
from typing import List

from PIL import Image

from support.variants import Variant, Variants, encoded

PADDING = "Chromium wants a row's padding"


def changed(body: bytes, form: str, at: int, *values: int) -> bytes:
    """With other values in some fields."""
    copy = bytearray(body)
    struct.pack_into(form, copy, at, *values)
    return bytes(copy)


def variants(photograph: Image.Image) -> List[Variant]:
    """All of them; the photograph's rows are padded."""
    padded = photograph.crop((0, 0, photograph.width // 4 * 4 - 1, photograph.height))
    clean = encoded(padded, "BMP")
    pixels, height = clean[54:], padded.height
    row = len(pixels) // height
    made = Variants("bmp", clean)
    made.same("a file size of 0", changed(clean, "<I", 2, 0))
    made.same("a file size that is too large", changed(clean, "<I", 2, 1 << 31))
    made.same("reserved fields", changed(clean, "<I", 6, 0xFFFFFFFF))
    made.same("no size of the pixels", changed(clean, "<I", 34, 0))
    made.same("a wrong size of the pixels", changed(clean, "<I", 34, 1 << 31))
    made.same("no planes", changed(clean, "<H", 26, 0))
    made.same("a wild density", changed(clean, "<ii", 38, -1, 1 << 30))
    made.same("colours that are not there", changed(clean, "<II", 46, 5000, 77))
    made.same("something behind it", clean + b"junk" * 50)
    made.same("a gap before the pixels", changed(clean, "<I", 10, 64)[:54] + bytes(10) + pixels)
    made.same("no padding of the last row", clean[:-1], PADDING)
    rows = [pixels[at : at + row] for at in range(0, len(pixels), row)]
    made.same("from the top", changed(clean, "<i", 22, -height)[:54] + b"".join(reversed(rows)))
    for length in (16, 20, 28, 40, 42, 48, 52, 56, 64, 108, 124):
        made.same(f"a header of {length} bytes", _with_header(clean, length))
    size = struct.pack("<IHHHH", 12, padded.width, height, 1, 24)
    made.same(
        "a header of 12 bytes", b"BM" + struct.pack("<IHHI", 26 + len(pixels), 0, 0, 26) + size + pixels
    )
    made.refused("a header of 41 bytes", _with_header(clean, 41))
    made.refused("a pixel missing", clean[:-4])
    made.refused("cut off", clean[: len(clean) // 2])
    return [*made.found, *_of_a_palette(padded)]


def _with_header(clean: bytes, length: int) -> bytes:
    header = clean[14:54][:length].ljust(length, b"\0")
    start = b"BM" + struct.pack("<IHHI", 14 + length + len(clean) - 54, 0, 0, 14 + length)
    return start + struct.pack("<I", length) + header[4:] + clean[54:]


def _of_a_palette(image: Image.Image) -> List[Variant]:
    clean = encoded(image.quantize(256), "BMP")
    made = Variants("bmp", clean)
    made.same("all colours, by a count of 0", changed(clean, "<I", 46, 0))
    made.same("more colours than pixels can name", changed(clean, "<I", 46, 300))
    made.same("more colours than memory can hold", changed(clean, "<I", 46, 0xFFFFFFFF))
    shorter = clean[14:30] + clean[54:]
    start = b"BM" + struct.pack("<IHHI", len(shorter) + 14, 0, 0, 14 + 16 + 1024)
    made.same("a palette behind a header of 16 bytes", start + struct.pack("<I", 16) + shorter[4:])
    return made.found
