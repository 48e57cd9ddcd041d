"""Whatever the bytes: an answer or an ImageError, never another exception."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any, List

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.fuzzing import case, fuzz

from hotpath.codec import ImageError, ImageLimits, ImageSpec, decode_into

SPEC = ImageSpec(height=56, width=48, resize_shorter=64)
LIMITS = ImageLimits(pixels=1_000_000)
SIGNATURES = [
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"BM",
    b"RIFF\x40\0\0\0WEBP",
    b"RIFF\x40\0\0\0WEBPVP8X",
]


def seeds() -> List[bytes]:
    """Small real images of every format and of the layouts that decoders treat apart."""
    rows, columns = np.mgrid[0:80, 0:96]
    image = Image.fromarray(np.stack([rows * 3, columns * 2, rows + columns], axis=-1).astype(np.uint8))
    grey16 = Image.fromarray((rows * 800).astype(np.uint16))
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHHI", 0x0112, 3, 1, 6, 0, 0)
    variants: List[Any] = [
        (image, "JPEG", {"exif": exif}),
        (image, "JPEG", {"progressive": True}),
        (image.convert("CMYK"), "JPEG", {}),
        (image, "PNG", {"exif": exif}),
        (image.quantize(16), "PNG", {"transparency": 3}),
        (image.convert("LA"), "PNG", {}),
        (grey16, "PNG", {}),
        (image, "WEBP", {"exif": exif}),
        (image, "WEBP", {"lossless": True}),
        (image, "WEBP", {"save_all": True, "append_images": [image.rotate(90)]}),
        (image, "GIF", {"save_all": True, "append_images": [image.rotate(90)]}),
        (image, "BMP", {}),
        (image.quantize(16), "BMP", {}),
    ]
    bodies = []
    for variant, format, options in variants:
        buffer = io.BytesIO()
        variant.save(buffer, format, **options)
        bodies.append(buffer.getvalue())
    return bodies


SEEDS = seeds()


def signed(png: bytearray) -> bytes:
    """Mend the check sums of a PNG's chunks, so that a change reaches the decoder."""
    body, position = bytearray(png), 8
    while position + 12 <= len(body):
        (length,) = struct.unpack_from(">I", body, position)
        end = position + 12 + length
        if end > len(body):
            break
        struct.pack_into(">I", body, end - 4, zlib.crc32(body[position + 4 : end - 4]))
        position = end
    return bytes(body)


def answer_or_refuse(body: bytes) -> None:
    case("image")
    out = np.full(SPEC.shape, 7, np.uint8)
    try:
        decode_into(body, SPEC, LIMITS, out)
    except ImageError as error:
        assert error.status in (400, 413, 415, 422)
        assert np.all(out == 7)


@fuzz(300)
@given(signature=st.sampled_from([b"", *SIGNATURES]), rest=st.binary(max_size=200))
def test_random_bytes(signature: bytes, rest: bytes) -> None:
    answer_or_refuse(signature + rest)


@fuzz(600)
@given(data=st.data())
def test_mutated_images(data: st.DataObject) -> None:
    """A few bytes changed, most of them near the start, where the structure is; perhaps a piece cut out."""
    body = bytearray(data.draw(st.sampled_from(SEEDS)))
    places = st.one_of(st.integers(0, min(200, len(body) - 1)), st.integers(0, len(body) - 1))
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=8)):
        body[place] = value
    start, length = data.draw(places), data.draw(st.sampled_from([0, 0, 1, 2, 40, len(body)]))
    del body[start : start + length]
    answer_or_refuse(signed(body) if body.startswith(b"\x89PNG") else bytes(body))


@fuzz(200)
@given(seed=st.sampled_from(SEEDS), kept=st.floats(0, 0.999))
def test_a_cut_image_is_never_answered_unless_it_lost_no_pixel(seed: bytes, kept: float) -> None:
    """A GIF may lose later frames or its end mark; what is answered then equals the whole's answer."""
    case("image")
    body = seed[: int(len(seed) * kept)]
    whole, part = np.zeros(SPEC.shape, np.uint8), np.zeros(SPEC.shape, np.uint8)
    decode_into(seed, SPEC, LIMITS, whole)
    try:
        decode_into(body, SPEC, LIMITS, part)
    except ImageError:
        return
    assert np.array_equal(whole, part)
