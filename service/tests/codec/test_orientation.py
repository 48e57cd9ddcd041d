"""The EXIF orientation is applied, and a damaged EXIF block changes nothing."""

from __future__ import annotations

import struct
from typing import Any, Dict

import numpy as np
import pytest
from PIL import Image, ImageOps

from hotpath.codec import ImageSpec
from hotpath.codec.exif import orientation

ORIENTATION = 0x0112


def with_orientation(value: int) -> bytes:
    """An EXIF block with one entry: orientation, a single SHORT."""
    return b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHHI", ORIENTATION, 3, 1, value, 0, 0)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_all_eight_orientations(
    turn: int, format: str, picture: Image.Image, encode: Any, decode: Any
) -> None:
    spec = ImageSpec(height=160, width=224, resize_shorter=256)  # not square, so that a swapped side shows
    options: Dict[str, Dict[str, Any]] = {
        "JPEG": {"quality": 95, "subsampling": 0},
        "PNG": {},
        "WEBP": {"lossless": True},
    }
    body = encode(picture, format, exif=with_orientation(turn), **options[format])
    turned = picture.copy()
    turned.getexif()[ORIENTATION] = turn
    upright = ImageOps.exif_transpose(turned) or turned

    pixels, found = decode(body, spec)

    wanted = decode(encode(upright, "PNG"), spec)[0]
    assert np.abs(pixels.astype(int) - wanted).max() <= 6
    assert found.orientation == turn
    assert (found.width, found.height) == upright.size


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"Exif\0\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0XX*\0\x08\0\0\0",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x63\0\0\0",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x07\0\x01\0\0\0\x06\0\0\0",
    ],
    ids=["empty", "bare", "far directory", "no byte order", "cut entry", "value 99", "wrong type"],
)
def test_damaged_exif_means_as_stored(exif: bytes, picture: Image.Image, encode: Any, decode: Any) -> None:
    assert orientation(exif) == 1
    body = encode(picture, "JPEG", **({"exif": exif} if exif else {}))
    assert decode(body)[1].orientation == 1


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_damaged_colour_profile_changes_nothing(
    format: str, picture: Image.Image, encode: Any, decode: Any
) -> None:
    damaged = encode(picture, format, icc_profile=b"no profile " * 300)
    assert np.array_equal(decode(damaged)[0], decode(encode(picture, format))[0])
