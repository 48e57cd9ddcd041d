"""From a body to a slot."""

from __future__ import annotations

from typing import NamedTuple, Optional

import numpy as np
import numpy.typing as npt

from hotpath.codec import geometry, raster, turbo
from hotpath.codec.header import ImageHeader, JpegHeader
from hotpath.codec.placement import Placement
from hotpath.codec.probe import probe
from hotpath.codec.spec import ImageLimits, ImageSpec

QUICK_PIXELS = 512 * 1024
"""A JPEG of so many pixels takes about 1.5 ms, on one of the cores that servers have."""


class DecodedImage(NamedTuple):
    """What was found: format, upright size in pixels, the EXIF orientation, JPEG's reduction (1 to 8), and
    where it lies in the model's picture."""

    format: str
    width: int
    height: int
    orientation: int
    reduction: int
    placement: Placement


def decode_into(
    body: bytes,
    spec: ImageSpec,
    limits: ImageLimits,
    out: npt.NDArray[np.uint8],
    region: Optional[geometry.Region] = None,
    header: Optional[ImageHeader] = None,
) -> DecodedImage:
    """Decode the image in `body` and write the model's picture into `out`, uint8 RGB of shape `spec.shape`.

    Of a `region`, if one is given, as if that were the whole picture; it lies inside of it. `header` is what
    `probe` said of the body, where somebody has asked already.

    Raises `ImageError` for a body that cannot be answered; `out` is then as it was: writing is the last step.
    Raises `ValueError` when `out` does not fit the spec, which is the caller's mistake, never the client's.
    """
    if out.shape != spec.shape or out.dtype != np.uint8 or not out.flags.c_contiguous:
        raise ValueError(
            f"out is {out.dtype} of shape {out.shape}; it must be contiguous uint8 of {spec.shape}"
        )
    header = header or probe(body, limits)
    size = (header.width, header.height)
    if region is None:
        part = geometry.part(size, header.orientation, spec)
    else:
        part = geometry.part_of_region(size, header.orientation, spec, region)
    image: geometry.Decoded
    if isinstance(header, JpegHeader):
        image, reduction = turbo.decode(body, header, part.scale)
    else:
        image, reduction = raster.decode(body, header), 1
    pixels = geometry.resample(image, part, reduction, header.orientation, spec.interpolation)
    left, top = part.corner
    if pixels.shape != out.shape:
        out[:] = spec.padding
    out[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    seen = part.placement
    return DecodedImage(header.format, seen.width, seen.height, header.orientation, reduction, seen)


def is_quick(header: ImageHeader) -> bool:
    """Whether `decode_into` is done with a body of this header within a millisecond or two."""
    one_pass = isinstance(header, JpegHeader) and not header.several_scans
    return one_pass and header.width * header.height <= QUICK_PIXELS
