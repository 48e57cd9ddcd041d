"""JPEG pixels by libjpeg-turbo, shrunk while they are decoded.

Measured from body to 224 x 224 on one thread of a shared 2-core machine, Pillow's full decode and resize in
brackets: 500 x 375 3 ms (6 ms), 1920 x 1280 8 ms (48 ms).
"""

from __future__ import annotations

from typing import Tuple

import numpy as np
import numpy.typing as npt
import simplejpeg

from hotpath.codec import errors, raster
from hotpath.codec.geometry import Decoded
from hotpath.codec.header import JpegHeader
from hotpath.codec.left_over import trimmed
from hotpath.codec.rewriting import Rewritten, rewrite

# Only these denominators have fast inverse transforms; 5/8 and the like cost as much as a full decode.
_REDUCTIONS = (8, 4, 2)

_ROWS = 64

# TurboJPEG knows the usual chroma samplings. The others go through Pillow, which notices a file that is cut
# off but not one that is damaged in its middle.
_UNCOMMON = "determine subsampling"

_ABOUT_PIXELS = (
    "premature end of data",
    "bad Huffman code",
    "bad arithmetic code",
    "instead of RST",
    "Inconsistent progression",
)
"""What libjpeg (jerror.h) says of data that are missing or that no encoder wrote. Whatever else it says may
be about the bytes around the picture, and is judged once these are gone."""

_LOOKS = 4
"""At a picture that is written anew: as it is, and without what is left over behind its data, of which
libjpeg passes over some bytes each time."""


def decode(body: bytes, header: JpegHeader, most: float) -> Tuple[Decoded, int]:
    """Decode to RGB, reduced by 1, 2, 4 or 8, and by no more than `most`.

    Returns the picture and the reduction.
    """
    reduction = next((n for n in _REDUCTIONS if n <= most), 1)
    try:
        return _decode(body, header, reduction), reduction
    except ValueError as error:
        reason = str(error)
    if any(words in reason for words in _ABOUT_PIXELS):
        raise errors.of_libjpeg(reason)
    if _UNCOMMON in reason:
        return raster.decode(body, header), 1
    return _decode_rewritten(rewrite(body, header), header, reduction)


def _decode_rewritten(picture: Rewritten, header: JpegHeader, reduction: int) -> Tuple[Decoded, int]:
    for _ in range(_LOOKS):
        body = picture.body()
        try:
            return _decode(body, header, reduction), reduction
        except ValueError as error:
            reason = str(error)
        if _UNCOMMON in reason:
            return raster.decode(body, header), 1
        picture = trimmed(picture, reason)
    raise errors.of_libjpeg(reason)


def _decode(body: bytes, header: JpegHeader, reduction: int) -> npt.NDArray[np.uint8]:
    """Raises `ValueError` with the first thing that libjpeg finds odd."""
    inks = header.components == 4
    pixels: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(
        body,
        "CMYK" if inks else "RGB",
        min_height=-(-header.height // reduction),
        min_width=-(-header.width // reduction),
        strict=True,
    )
    return _cmyk_to_rgb(pixels, inverted=header.adobe) if inks else pixels


def _cmyk_to_rgb(cmyk: npt.NDArray[np.uint8], inverted: bool) -> npt.NDArray[np.uint8]:
    """Multiply each ink's light by black's. Adobe stores light (255 - ink), others store ink.

    Some rows at a time, because two bytes for each of many pixels would take more memory than the picture.
    """
    rgb = np.empty((*cmyk.shape[:2], 3), np.uint8)
    for start in range(0, len(cmyk), _ROWS):
        rows = cmyk[start : start + _ROWS]
        light = rows.astype(np.uint16) if inverted else 255 - rows.astype(np.uint16)
        rgb[start : start + _ROWS] = (light[..., :3] * light[..., 3:] + 127) // 255
    return rgb
