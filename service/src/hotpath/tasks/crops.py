"""Many real pictures out of a few photographs, the same ones every time."""

from __future__ import annotations

from pathlib import Path
from typing import List, Sequence

import numpy
from numpy.typing import NDArray
from PIL import Image

from hotpath.codec import ImageSpec

Pixels = NDArray[numpy.uint8]

_FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
_SMALLEST = 0.45
"""Of the photograph's shorter side; smaller parts seldom show what the photograph does."""
_BRIGHTNESS = (0.8, 1.2)


def crops(photographs: Sequence[Path], spec: ImageSpec, each: int, seed: int) -> Pixels:
    """uint8 of shape (photographs * each, height, width, 3): random parts, mirrored, darker or brighter.

    Those of one photograph do not stand together, so that any share of them is a mixed one.
    """
    random = numpy.random.default_rng(seed)
    originals = [Image.open(path).convert("RGB") for path in photographs]
    found: List[Pixels] = [_crop(image, spec, random) for _ in range(each) for image in originals]
    return numpy.stack(found)


def _crop(image: Image.Image, spec: ImageSpec, random: numpy.random.Generator) -> Pixels:
    ratio = spec.width / spec.height
    widest, tallest = min(image.width, image.height * ratio), min(image.height, image.width / ratio)
    scale = random.uniform(_SMALLEST, 1.0)
    left = random.uniform(0, image.width - widest * scale)
    top = random.uniform(0, image.height - tallest * scale)
    box = (left, top, left + widest * scale, top + tallest * scale)
    small = image.resize((spec.width, spec.height), _FILTERS[spec.interpolation], box=box)
    pixels = numpy.asarray(small)[:, :: random.choice((-1, 1))]
    brightened = pixels.astype(numpy.float32) * random.uniform(*_BRIGHTNESS)
    found: Pixels = numpy.clip(brightened, 0, 255).astype(numpy.uint8)
    return found
