"""Bodies made to cost far more than their size are refused, or decoded without paying for what they hide.

Each passes as soon as the bound it aims at holds: without it, these run for minutes or take gigabytes.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hotpath.codec import ImageError, ImageLimits, probe
from hotpath.codec.header import MAX_PARTS


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def after_png_header(body: bytes, chunks: bytes) -> bytes:
    return body[:33] + chunks + body[33:]


def after_gif_palette(body: bytes, blocks: bytes) -> bytes:
    end = 13 + (3 << (1 + (body[10] & 7)) if body[10] & 0x80 else 0)
    return body[:end] + blocks + body[end:]


def refused(body: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        probe(body, ImageLimits())
    return caught.value


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_compressed_text_is_never_unpacked(
    kind: bytes, picture: Image.Image, encode: Any, decode: Any
) -> None:
    body = encode(picture, "PNG")
    hidden = chunk(kind, b"name\0\0" + zlib.compress(bytes(100_000_000)))
    assert np.array_equal(decode(after_png_header(body, hidden))[0], decode(body)[0])


def test_surplus_pixel_data_is_never_unpacked(picture: Image.Image, encode: Any, decode: Any) -> None:
    body = encode(picture, "PNG")
    start = body.index(b"IDAT") - 4
    (length,) = struct.unpack_from(">I", body, start)
    rows = zlib.decompress(body[start + 8 : start + 8 + length])
    data = zlib.compress(rows + bytes(100_000_000))
    bomb = body[:start] + chunk(b"IDAT", data) + chunk(b"IEND")
    assert np.array_equal(decode(bomb)[0], decode(body)[0])


def test_a_png_of_too_many_chunks(picture: Image.Image, encode: Any) -> None:
    error = refused(after_png_header(encode(picture, "PNG"), chunk(b"abCd") * 1_000_000))
    assert (error.status, error.code) == (422, "corrupt_image")
    assert str(MAX_PARTS) in error.message


def test_a_gif_of_one_endless_comment(picture: Image.Image, encode: Any) -> None:
    comment = b"\x21\xfe" + (b"\xff" + b"x" * 255) * 70_000 + b"\0"
    error = refused(after_gif_palette(encode(picture, "GIF"), comment))
    assert (error.status, error.code) == (422, "corrupt_image")


def test_gif_comments_are_passed_over(picture: Image.Image, encode: Any, decode: Any) -> None:
    body = encode(picture, "GIF")
    comments = (b"\x21\xfe\x05hello\0") * 1000
    assert np.array_equal(decode(after_gif_palette(body, comments))[0], decode(body)[0])


def test_a_gif_frame_larger_than_its_canvas_counts(picture: Image.Image, encode: Any) -> None:
    body = bytearray(after_gif_palette(encode(picture, "GIF"), b""))
    frame = body.index(b",", 13 + 768 if body[10] & 0x80 else 13)
    body[frame + 5 : frame + 9] = struct.pack("<HH", 60_000, 60_000)
    assert refused(bytes(body)).code == "too_many_pixels"


def test_a_jpeg_of_too_many_segments(picture: Image.Image, encode: Any) -> None:
    body = encode(picture, "JPEG")
    error = refused(body[:2] + b"\xff\xfe\0\2" * 1_000_000 + body[2:])
    assert "segments" in error.message


def test_a_jpeg_of_too_many_scans(picture: Image.Image, encode: Any) -> None:
    body = encode(picture, "JPEG", progressive=True)
    scan = body.rindex(b"\xff\xda")
    error = refused(body[:-2] + body[scan:-2] * 100 + body[-2:])
    assert (error.status, error.code) == (422, "corrupt_image")
    assert "scans" in error.message


def test_garbage_between_jpeg_segments(picture: Image.Image, encode: Any) -> None:
    body = encode(picture, "JPEG")
    assert refused(body[:2] + b"\xff\0" * 5_000_000 + body[2:]).code == "corrupt_image"
    assert probe(body[:2] + b"\xff" * 5_000_000 + body[2:], ImageLimits()).width == 400  # legal filling


def test_a_gif_of_many_extensions_of_many_parts(picture: Image.Image, encode: Any) -> None:
    extension = b"\x21\xfe" + b"\x01x" * (MAX_PARTS // 2) + b"\0"
    body = encode(picture, "GIF")
    probe(after_gif_palette(body, extension), ImageLimits())
    error = refused(after_gif_palette(body, extension * 3))
    assert (error.status, error.code) == (422, "corrupt_image")
    assert f"more than {MAX_PARTS} parts" in error.message


@pytest.mark.parametrize("compression", [1, 2])
def test_a_run_length_encoded_bmp(compression: int) -> None:
    header = struct.pack("<IiiHHIIiiII", 40, 2_000_000, 1, 1, 8, compression, 4, 0, 0, 0, 0)
    error = refused(b"BM" + struct.pack("<IHHI", 58, 0, 0, 54) + header + b"\0\1\0\1")
    assert (error.status, error.code) == (415, "unsupported_image")
    assert "run-length" in error.message
