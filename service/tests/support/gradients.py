"""A picture of which every part looks different, and files that say how it is to be turned."""

from __future__ import annotations

import struct
from typing import Tuple

import numpy as np
from PIL import Image, ImageOps

ORIENTATION = 0x0112


def coloured(size: Tuple[int, int]) -> Image.Image:
    """Smooth and without any symmetry."""
    rows, columns = np.mgrid[0 : size[1], 0 : size[0]]
    red = 40 + columns * 180 / size[0]
    green = 30 + rows * 200 / size[1]
    blue = 128 + 60 * np.sin(rows / size[1] * 7 + columns / size[0] * 5)
    return Image.fromarray(np.stack([red, green, blue], axis=-1).astype(np.uint8))


def with_orientation(value: int) -> bytes:
    """EXIF that says so."""
    return b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHHI", ORIENTATION, 3, 1, value, 0, 0)


def upright(picture: Image.Image, turn: int) -> Image.Image:
    """As people see it who open a file with this orientation."""
    turned = picture.copy()
    turned.getexif()[ORIENTATION] = turn
    return (ImageOps.exif_transpose(turned) or turned).convert("RGB")
