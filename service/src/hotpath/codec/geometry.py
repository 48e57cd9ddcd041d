"""One resampling step from decoded pixels to the model's picture."""

from __future__ import annotations

from typing import NamedTuple, Tuple, Union

import numpy as np
import numpy.typing as npt
from PIL import Image

from hotpath.codec.placement import Placement
from hotpath.codec.shrink import shrink
from hotpath.codec.spec import ImageSpec

Decoded = Union[Image.Image, npt.NDArray[np.uint8]]
"""A Pillow image, RGB or RGBA; or RGB pixels (rows, columns, 3), which are resampled faster."""

_FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
_WHITE = 255


class Part(NamedTuple):
    """What of a stored picture is resampled, and what becomes of it."""

    box: Tuple[float, float, float, float]
    """Left, top, right, bottom, in stored pixels of the original."""
    size: Tuple[int, int]
    """Width and height of the result, before it is turned."""
    scale: float
    """Original pixels to one of the result, along the side where they are fewest."""
    corner: Tuple[int, int]
    """Where the result's left and upper sides lie in the model's picture."""
    placement: Placement


Region = Tuple[int, int, int, int]
"""Of a picture as people see it: left, top, right and bottom in pixels, inside of it."""


def part_of_region(size: Tuple[int, int], orientation: int, spec: ImageSpec, region: Region) -> Part:
    """As `part`, of a region as if it were the whole picture; points are still told in the whole one's."""
    left, top, right, bottom = _stored(region, size, orientation)
    inner = part((right - left, bottom - top), orientation, spec)
    box = inner.box
    seen = inner.placement
    return inner._replace(
        box=(box[0] + left, box[1] + top, box[2] + left, box[3] + top),
        placement=Placement(
            *(size[::-1] if orientation >= 5 else size),
            seen.scale_x,
            seen.scale_y,
            seen.offset_x - region[0] * seen.scale_x,
            seen.offset_y - region[1] * seen.scale_y,
        ),
    )


def _stored(region: Region, size: Tuple[int, int], orientation: int) -> Region:
    """The region in stored rows and columns: what `turn` does, undone."""
    width, height = size[::-1] if orientation >= 5 else size
    left, top, right, bottom = region
    if orientation in (3, 4, 7, 8):
        top, bottom = height - bottom, height - top
    if orientation in (2, 3, 6, 7):
        left, right = width - right, width - left
    return (top, left, bottom, right) if orientation >= 5 else (left, top, right, bottom)


def part(size: Tuple[int, int], orientation: int, spec: ImageSpec) -> Part:
    """For an original of `size` (width, height) as stored. It is known before any pixel is."""
    sideways = orientation >= 5
    upright = size[::-1] if sideways else size
    if spec.fit == "crop":
        return _cropped(size, upright, spec, sideways)
    wanted = (spec.width, spec.height)
    if spec.fit == "letterbox":
        ratio = min(wanted[0] / upright[0], wanted[1] / upright[1])
        wanted = (max(1, round(upright[0] * ratio)), max(1, round(upright[1] * ratio)))
    corner = ((spec.width - wanted[0]) // 2, (spec.height - wanted[1]) // 2)
    scales = (wanted[0] / upright[0], wanted[1] / upright[1])
    return Part(
        (0.0, 0.0, float(size[0]), float(size[1])),
        wanted[::-1] if sideways else wanted,
        min(upright[0] / wanted[0], upright[1] / wanted[1]),
        corner,
        Placement(*upright, *scales, *corner),
    )


def _cropped(size: Tuple[int, int], upright: Tuple[int, int], spec: ImageSpec, sideways: bool) -> Part:
    """The part that the crop would keep, in the centre: turning the small result is turning the original."""
    height, width = (spec.width, spec.height) if sideways else (spec.height, spec.width)
    scale = min(size) / spec.resize_shorter
    left, right = _centre(size[0], width * scale)
    top, bottom = _centre(size[1], height * scale)
    across, down = (top, left) if sideways else (left, top)
    placement = Placement(*upright, 1 / scale, 1 / scale, -across / scale, -down / scale)
    return Part((left, top, right, bottom), (width, height), scale, (0, 0), placement)


def resample(
    image: Decoded, part: Part, reduction: int, orientation: int, interpolation: str
) -> npt.NDArray[np.uint8]:
    """Return the part, uint8 RGB (rows, columns, 3), upright. `image` is the original shrunk by `reduction`.

    Resize and crop are one step: what is kept of the original is resampled straight to the wanted size.
    """
    left, top, right, bottom = part.box
    box = (left / reduction, top / reduction, right / reduction, bottom / reduction)
    if isinstance(image, np.ndarray):
        if part.scale >= reduction:
            return turn(shrink(image, box, part.size, interpolation), orientation)
        image = Image.fromarray(image)
    small = image.resize(part.size, _FILTERS[interpolation], box=box)
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
