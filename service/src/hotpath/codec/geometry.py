"""One resampling step from decoded pixels to the model's picture."""

from __future__ import annotations

from typing import Tuple, Union

import numpy as np
import numpy.typing as npt
from PIL import Image

from hotpath.codec.shrink import shrink
from hotpath.codec.spec import ImageSpec

Decoded = Union[Image.Image, npt.NDArray[np.uint8]]
"""A Pillow image, RGB or RGBA; or RGB pixels (rows, columns, 3), which are resampled faster."""

_FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
_WHITE = 255


def fit(
    image: Decoded, size: Tuple[int, int], reduction: int, orientation: int, spec: ImageSpec
) -> npt.NDArray[np.uint8]:
    """Return the model's picture, uint8 RGB of shape `spec.shape`.

    `image` holds an original of `size` (width, height) shrunk by `reduction`. Resize and crop are one step:
    the part of the original that the crop would keep is resampled straight to the wanted size. It lies in the
    centre, so turning the small result is the same as turning the original.
    """
    sideways = orientation >= 5
    height, width = (spec.width, spec.height) if sideways else (spec.height, spec.width)
    scale = min(size) / spec.resize_shorter  # original pixels to one pixel of the result
    left, right = _centre(size[0], width * scale)
    top, bottom = _centre(size[1], height * scale)
    box = (left / reduction, top / reduction, right / reduction, bottom / reduction)
    if isinstance(image, np.ndarray):
        if scale >= reduction:
            return turn(shrink(image, box, (width, height), spec.interpolation), orientation)
        image = Image.fromarray(image)
    small = image.resize((width, height), _FILTERS[spec.interpolation], box=box)
    return turn(_over_white(small) if small.mode == "RGBA" else np.asarray(small), orientation)


def _centre(side: int, part: float) -> Tuple[float, float]:
    """Start and end of the middle `part` of `side`, never outside it by a rounding error."""
    margin = max(0.0, (side - part) / 2)
    return margin, side - margin


def turn(pixels: npt.NDArray[np.uint8], orientation: int) -> npt.NDArray[np.uint8]:
    """Bring stored rows and columns upright; `orientation` is EXIF's, 1 to 8."""
    if orientation >= 5:  # the first stored row is a side of the upright picture
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def _over_white(image: Image.Image) -> npt.NDArray[np.uint8]:
    page = Image.new("RGBA", image.size, (_WHITE, _WHITE, _WHITE, _WHITE))
    return np.asarray(Image.alpha_composite(page, image))[..., :3]
