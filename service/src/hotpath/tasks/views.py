"""Photographs as clients send them: in other sizes, and as JPEGs of several qualities."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Sequence, Tuple

import numpy
from numpy.typing import NDArray
from PIL import Image, ImageOps

from hotpath.codec import ImageLimits, ImageSpec, decode_into

_LONGER_SIDE = 500
_FRAME = (500, 375)
_QUALITIES = (60, 75, 90)


@dataclass(frozen=True)
class View:
    """One photograph as one client would send it."""

    photograph: int
    """Its place among the photographs."""
    sent: str
    """In words: how it is made smaller, and its quality."""
    pixels: NDArray[numpy.uint8]
    """What the model sees of it: (height, width, 3)."""


def views(photographs: Sequence[Path], spec: ImageSpec) -> Iterator[View]:
    """Each photograph in full, scaled to 500 pixels, and cut or squeezed to 500 x 375; in three qualities."""
    for place, path in enumerate(photographs):
        with Image.open(path) as file:
            original = file.convert("RGB")
        for size, image in _sizes(original):
            for quality in _QUALITIES:
                buffer = io.BytesIO()
                image.save(buffer, "JPEG", quality=quality)
                pixels = numpy.zeros(spec.shape, numpy.uint8)
                decode_into(buffer.getvalue(), spec, ImageLimits(), pixels)
                yield View(place, f"{size}, quality {quality}", pixels)


def _sizes(original: Image.Image) -> Iterator[Tuple[str, Image.Image]]:
    scaled = ImageOps.contain(original, (_LONGER_SIDE, _LONGER_SIDE), Image.Resampling.BICUBIC)
    frame = "{} x {}".format(*_FRAME)
    yield f"{original.width} x {original.height}", original
    yield f"{scaled.width} x {scaled.height}", scaled
    yield f"cut to {frame}", ImageOps.fit(original, _FRAME, Image.Resampling.BICUBIC)
    yield f"squeezed to {frame}", original.resize(_FRAME, Image.Resampling.BICUBIC)
