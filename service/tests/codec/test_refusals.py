"""What cannot be answered is refused with status, code, reason and remedy, and the slot stays as it was."""

from __future__ import annotations

import struct
import zlib
from typing import Any, Dict

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from hotpath.codec import ImageError, ImageLimits, ImageSpec, decode_into, probe

LIMITS = ImageLimits()
FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP"]


def refusal(body: bytes, limits: ImageLimits = LIMITS) -> ImageError:
    """Decode into a marked slot, check that it stayed untouched, and return the error."""
    spec = ImageSpec(height=224, width=224, resize_shorter=256)
    out = np.full(spec.shape, 7, np.uint8)
    with pytest.raises(ImageError) as caught:
        decode_into(body, spec, limits, out)
    assert np.all(out == 7)
    assert caught.value.message
    assert caught.value.remedy
    return caught.value


def png_header(width: int, height: int) -> bytes:
    data = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + data + struct.pack(">I", zlib.crc32(data))


def test_an_empty_body() -> None:
    error = refusal(b"")
    assert (error.status, error.code) == (400, "empty_body")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"This is not a photograph.\n", "plain text"),
        (b'{"image": "aGVsbG8="}', "JSON"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"II*\0\x08\0\0\0", "TIFF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "gzip"),
        (b"--boundary\r\nContent-Disposition: form-data", "multipart"),
        (b"data:image/png;base64,iVBORw0KGgo=", "data:"),
        (b"\0" * 100, "no known image format"),
        (b"\xff\xd8", "no known image format"),
    ],
)
def test_what_is_no_image_is_named(body: bytes, named: str) -> None:
    error = refusal(body)
    assert (error.status, error.code) == (415, "unsupported_image")
    assert named in error.message
    assert "jpeg, png" in error.remedy


def test_a_format_that_is_switched_off(picture: Image.Image, encode: Any) -> None:
    error = refusal(encode(picture, "GIF"), ImageLimits(formats=("jpeg", "png")))
    assert (error.status, error.code) == (415, "unsupported_image")
    assert "gif" in error.message
    assert error.remedy.endswith("jpeg, png")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kept", [0.97, 0.6, 0.3, 0.1])
def test_a_truncated_image(format: str, kept: float, picture: Image.Image, encode: Any) -> None:
    body = encode(picture, format)
    error = refusal(body[: int(len(body) * kept)])
    assert (error.status, error.code) == (422, "truncated_image")


def test_a_photograph_without_its_end(photographs: Dict[str, bytes]) -> None:
    for body in photographs.values():
        for cut in (20, 100, len(body) // 2):
            assert refusal(body[:-cut]).code == "truncated_image"


def test_a_jpeg_cut_anywhere_in_its_header(picture: Image.Image, encode: Any) -> None:
    body = encode(picture, "JPEG")
    for kept in range(3, body.index(b"\xff\xda") + 5):  # up to the count in its first scan
        assert refusal(body[:kept]).code == "truncated_image", kept


@pytest.mark.parametrize("progressive", [False, True])
def test_a_truncated_jpeg_with_an_end_mark_is_not_half_grey(
    progressive: bool, photographs: Dict[str, bytes], encode: Any
) -> None:
    body = photographs["china.jpg"]
    if progressive:
        body = encode(Image.effect_noise((400, 300), 60), "JPEG", progressive=True)
    error = refusal(body[: len(body) // 2] + b"\xff\xd9")
    assert (error.status, error.code) == (422, "truncated_image")


def test_bytes_before_the_end_mark_do_no_harm(picture: Image.Image, encode: Any, decode: Any) -> None:
    body = encode(picture, "JPEG")
    assert np.array_equal(decode(body[:-2] + b"\0\0\0" + body[-2:])[0], decode(body)[0])
    assert np.array_equal(decode(body + b"trailing bytes")[0], decode(body)[0])


def test_a_damaged_picture_with_data_left_over_is_not_answered(encode: Any) -> None:
    body = encode(Image.effect_noise((400, 300), 60), "JPEG")
    reasons = set()
    for place in range(len(body) // 2, len(body) // 2 + 100):
        damaged = body[:place] + b"\x55\x55\x55\x55\x55\x55\x55\x55" + body[place + 8 :]
        try:
            simplejpeg.decode_jpeg(damaged, strict=True)
        except ValueError as error:
            if "before marker 0xd9" in str(error):
                reasons.add(refusal(damaged).code)
    assert reasons == {"corrupt_image"}


@pytest.mark.parametrize(
    ("body", "pixels"),
    [
        (png_header(30_000, 30_000), "30000 x 30000 = 900000000"),
        (b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"," + bytes(9), "4294836225"),
        (b"BM" + bytes(12) + struct.pack("<Iii", 40, 30_000, -30_000), "900000000"),
        (b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(4) + b"\xff\xff\xff" * 2, "281474976710656"),
    ],
    ids=["png", "gif", "bmp", "webp"],
)
def test_too_many_pixels_are_refused_by_the_header(body: bytes, pixels: str) -> None:
    if body.startswith(b"\x89PNG"):
        end = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
        body = body + end
    error = refusal(body)
    assert (error.status, error.code) == (413, "too_many_pixels")
    assert pixels in error.message


def test_the_pixel_limit_is_inclusive(picture: Image.Image, encode: Any) -> None:
    body = encode(picture, "JPEG")
    assert probe(body, ImageLimits(pixels=120_000)).width == 400
    assert refusal(body, ImageLimits(pixels=119_999)).code == "too_many_pixels"


@pytest.mark.parametrize("frame", [0xC3, 0xC5, 0xC7, 0xCB, 0xCF])
def test_uncommon_kinds_of_jpeg(frame: int, picture: Image.Image, encode: Any) -> None:
    error = refusal(encode(picture, "JPEG").replace(b"\xff\xc0", bytes([0xFF, frame]), 1))
    assert (error.status, error.code) == (415, "unsupported_image")
    assert f"0x{frame:02X}" in error.message


def test_a_jpeg_with_twelve_bits(picture: Image.Image, encode: Any) -> None:
    error = refusal(encode(picture, "JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c", 1))
    assert (error.status, error.code) == (415, "unsupported_image")


def test_a_wrong_check_sum_in_a_png(picture: Image.Image, encode: Any) -> None:
    body = bytearray(encode(picture, "PNG"))
    body[len(body) // 2] ^= 1
    error = refusal(bytes(body))
    assert (error.status, error.code) == (422, "corrupt_image")
    assert "IDAT" in error.message


def test_no_pixels_at_all(picture: Image.Image, encode: Any) -> None:
    body = bytearray(encode(picture, "JPEG"))
    frame = body.index(b"\xff\xc0")
    body[frame + 5 : frame + 9] = bytes(4)
    assert refusal(bytes(body)).code == "corrupt_image"
