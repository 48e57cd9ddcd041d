"""JPEG pixels by libjpeg-turbo, shrunk while they are decoded."""

from __future__ import annotations

from typing import Tuple

import numpy as np
import numpy.typing as npt
import simplejpeg

from hotpath.codec import errors
from hotpath.codec.header import JpegHeader

# Only these denominators have fast inverse transforms; 5/8 and the like cost as much as a full decode.
_REDUCTIONS = (8, 4, 2)

# A warning that leaves every pixel as it was sent: bytes between the last block and the end mark.
_HARMLESS = "extraneous bytes before marker 0xd9"


def decode(body: bytes, header: JpegHeader, shorter: int) -> Tuple[npt.NDArray[np.uint8], int]:
    """Decode to RGB pixels (rows, columns, 3), reduced by 1, 2, 4 or 8 so that the shorter side still has `shorter`.

    Returns the pixels and the reduction.
    """
    reduction = next((n for n in _REDUCTIONS if min(header.width, header.height) >= n * shorter), 1)
    space = "CMYK" if header.components == 4 else "RGB"
    pixels = _decode(body, space, -(-header.height // reduction), -(-header.width // reduction))
    if header.components == 4:
        pixels = _cmyk_to_rgb(pixels, inverted=header.adobe)
    return pixels, reduction


def _decode(body: bytes, space: str, height: int, width: int) -> npt.NDArray[np.uint8]:
    def run(strict: bool) -> npt.NDArray[np.uint8]:
        pixels: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(
            body, space, min_height=height, min_width=width, strict=strict
        )
        return pixels

    try:
        return run(strict=True)
    except ValueError as error:
        reason = str(error)
    if _HARMLESS in reason:
        return run(strict=False)
    if "premature end" in reason.lower():
        raise errors.truncated("JPEG")
    raise errors.corrupt("JPEG", reason)


def _cmyk_to_rgb(cmyk: npt.NDArray[np.uint8], inverted: bool) -> npt.NDArray[np.uint8]:
    """Multiply each ink's light by black's. Adobe stores light (255 - ink), others store ink."""
    light = cmyk.astype(np.uint16) if inverted else 255 - cmyk.astype(np.uint16)
    return ((light[..., :3] * light[..., 3:] + 127) // 255).astype(np.uint8)
