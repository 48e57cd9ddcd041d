"""Pillow's resampling at a fifth of its time, for pictures that get smaller.

The library applies Pillow's filters with the processor's vector instructions. It passes over columns before
rows, Pillow (for what photographs need) over rows first, and what an overshooting filter clips in between
differs; so each pass is a call of its own, in Pillow's order. On photographs the results differ by one step
of 256 in about one pixel of a hundred.

Measured on one thread, 500 x 375 to 224 x 224, bicubic: 0.17 ms, Pillow 0.83 ms.
"""

from __future__ import annotations

import math
import threading
from functools import lru_cache
from typing import Tuple

import numpy as np
import numpy.typing as npt
from cykooz.resizer import CropBox, FilterType, ImageData, PixelType, ResizeAlg, ResizeOptions, Resizer

Pixels = npt.NDArray[np.uint8]

# The filter, and its reach in pixels of the result on either side.
_FILTERS = {"bicubic": (FilterType.catmull_rom, 2), "bilinear": (FilterType.bilinear, 1)}

_local = threading.local()  # a resizer keeps buffers and serves one thread at a time


def shrink(
    pixels: Pixels, box: Tuple[float, float, float, float], size: Tuple[int, int], interpolation: str
) -> Pixels:
    """Resample the part `box` of `pixels` (rows, columns, RGB) to `size` (width, height), as Pillow's resize.

    `box` is (left, top, right, bottom) in pixels, within the picture and no smaller than `size` either way.
    """
    width, height = size
    left, top, right, bottom = box
    kernel, reach = _FILTERS[interpolation]
    margin = math.ceil(reach * (bottom - top) / height) + 1
    first, last = max(0, math.floor(top) - margin), min(pixels.shape[0], math.ceil(bottom) + margin)
    rows = pixels[first:last]
    source = ImageData(rows.shape[1], rows.shape[0], PixelType.U8x3, rows.tobytes())
    narrow = _resample(source, (left, 0.0, right, float(rows.shape[0])), (width, rows.shape[0]), kernel)
    small = _resample(narrow, (0.0, top - first, float(width), bottom - first), size, kernel)
    return np.frombuffer(small.get_buffer(), np.uint8).reshape(height, width, 3)


def _resample(
    source: ImageData, box: Tuple[float, float, float, float], size: Tuple[int, int], kernel: FilterType
) -> ImageData:
    if not hasattr(_local, "resizer"):
        _local.resizer = Resizer()
    result = ImageData(size[0], size[1], PixelType.U8x3)
    _local.resizer.resize(source, result, _options(box, kernel))
    return result


@lru_cache(maxsize=256)
def _options(box: Tuple[float, float, float, float], kernel: FilterType) -> ResizeOptions:
    """Kept, because a client's pictures often have one size: to make them takes eleven calls."""
    left, top, right, bottom = box
    crop = CropBox(left, top, right - left, bottom - top)
    return ResizeOptions(ResizeAlg.convolution(kernel), False, crop)
