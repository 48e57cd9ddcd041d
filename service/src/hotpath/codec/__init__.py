"""From the bytes a client sent to the pixels a model takes.

`probe` judges a body by its header before any pixel is decoded; `decode_into` decodes, turns, resizes and crops it
into a slot. Both raise `ImageError`, and nothing else, whatever the bytes are (`MemoryError` apart). Everything here is
pure and may run in any thread; the decoders release the GIL.

Rules:
* The format is what the content says; file names and content types are not asked. Accepted are the formats that
  browsers upload and every part of which has a small decoder: JPEG, PNG, WebP, GIF and BMP. TIFF is left out: its
  decoder is the largest and web clients do not send it.
* A picture is whole or refused. A file that ends before its format's end mark is truncated, even where a decoder
  could have painted the rest grey.
* The first frame of an animation counts. Transparent pixels are shown over white, as a page would show them.
* The EXIF orientation is applied. Colour profiles are ignored, as the model was trained without them.
* Pixels deeper than 8 bits keep their upper 8.
"""

from hotpath.codec.decode import DecodedImage, decode_into
from hotpath.codec.errors import ImageError
from hotpath.codec.header import ImageHeader
from hotpath.codec.probe import probe
from hotpath.codec.spec import FORMATS, ImageLimits, ImageSpec

__all__ = [
    "FORMATS",
    "DecodedImage",
    "ImageError",
    "ImageHeader",
    "ImageLimits",
    "ImageSpec",
    "decode_into",
    "probe",
]
