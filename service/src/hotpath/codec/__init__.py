"""From the bytes a client sent to the pixels a model takes.

`probe` judges a body by its header before any pixel is decoded; `decode_into` decodes, turns, resizes and
fits it into a slot, and says where it lies there. Both raise `ImageError`, and nothing else, whatever the
bytes are (`MemoryError` apart).
Everything here is pure and may run in any thread; the decoders release the GIL.

Rules:
* The format is what the content says; file names and content types are not asked. Accepted is what web
  clients send: JPEG, PNG, WebP, GIF and BMP. TIFF is left out: its decoder is by far the largest, and
  browsers cannot show it.
* A picture is whole or refused: where data is missing, no decoder may paint the rest grey. One gap is left: a
  PNG whose compressed stream was properly closed too early, which no interrupted upload makes.
* What says nothing about pixels is no reason to refuse: it is kept from the decoders (`containers`), and a
  JPEG that libjpeg complains of is written anew without it and judged again (`rewriting`, `left_over`).
* The first frame of an animation counts. Transparent pixels are shown over white, as a page would show them.
* The EXIF orientation is applied. Colour profiles are ignored, as in the training of the usual models.
* Pixels deeper than 8 bits keep their upper 8.
"""

from hotpath.codec.decode import DecodedImage, decode_into, is_quick
from hotpath.codec.errors import ImageError
from hotpath.codec.geometry import Region
from hotpath.codec.header import ImageHeader
from hotpath.codec.placement import Placement
from hotpath.codec.probe import probe
from hotpath.codec.spec import FITS, FORMATS, ImageLimits, ImageSpec

__all__ = [
    "FITS",
    "FORMATS",
    "DecodedImage",
    "ImageError",
    "ImageHeader",
    "ImageLimits",
    "ImageSpec",
    "Placement",
    "Region",
    "decode_into",
    "is_quick",
    "probe",
]
