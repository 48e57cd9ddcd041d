"""What the tasks that look at pictures have in common."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Optional, Tuple

import numpy

from hotpath.codec import (
    FORMATS,
    DecodedImage,
    ImageError,
    ImageHeader,
    ImageLimits,
    ImageSpec,
    Placement,
    Region,
    decode_into,
    is_quick,
    probe,
)
from hotpath.core import InputError, ModelError
from hotpath.tasks.task import FORM, Content, Element, Item, Limits, Parcel, Part, Pixels, Portable

_BINARY = {"type": "string", "format": "binary"}

CONTENT = Content(
    (FORM, "image/*", "application/octet-stream"),
    "Send multipart/form-data with the image in the field 'file', or the image itself with its type, "
    "as in: curl -H 'Content-Type: image/jpeg' --data-binary @photo.jpg URL",
    {
        FORM: {"type": "object", "required": ["file"], "properties": {"file": _BINARY}},
        **{f"image/{format}": _BINARY for format in FORMATS},
    },
)

_NOTE = struct.Struct("<Q?4i")
"""Most pixels; whether a region follows, and that."""
_FOUND = struct.Struct("<IIdddd")

ELEMENT = Element("image", is_text=False)


@dataclass
class EncodedPicture(Portable):
    """Decodes a picture, shrinks it, and fits it into what the model sees."""

    body: bytes
    spec: ImageSpec
    limits: ImageLimits
    region: Optional[Region] = None
    """What of it is looked at, where that is not all."""
    placement: Optional[Placement] = None
    """Where the picture lies in what the model sees, once it has been decoded."""
    header: Optional[ImageHeader] = None
    """What its first bytes say, once somebody has asked."""

    def write(self, slot: Item) -> int:
        """The pixels."""
        found = decode_into(self.body, self.spec, self.limits, slot[0], self.region, self.header)
        self.placement = found.placement
        return 1

    def is_quick(self) -> bool:
        """By the header; to refuse what has none takes no time either."""
        try:
            self.header = probe(self.body, self.limits)
        except ImageError:
            return True
        return is_quick(self.header)

    def parcel(self) -> Parcel:
        """What was sent, and what of it is looked at."""
        region = self.region or (0, 0, 0, 0)
        return Parcel(self.body, _NOTE.pack(self.limits.pixels, self.region is not None, *region))

    def found(self) -> bytes:
        """Where it lies."""
        assert self.placement is not None, "it has been written"
        return _FOUND.pack(*self.placement)

    def learn(self, found: bytes) -> None:
        """Where it lies."""
        self.placement = Placement(*_FOUND.unpack(found))


def encoded(body: bytes, spec: ImageSpec, limits: Limits) -> EncodedPicture:
    """A picture as clients send it."""
    return EncodedPicture(body, spec, _image_limits(limits.pixels))


@lru_cache(maxsize=8)
def _image_limits(pixels: int) -> ImageLimits:
    """Kept, because to make them is to judge them."""
    return ImageLimits(pixels=pixels)


def unpacked(parcel: Parcel, spec: ImageSpec) -> EncodedPicture:
    """A picture that another process was sent."""
    pixels, is_part, *region = _NOTE.unpack(parcel.note)
    left, top, right, bottom = region
    limits = _image_limits(pixels)
    return EncodedPicture(parcel.body, spec, limits, (left, top, right, bottom) if is_part else None)


def of_part(part: Part, spec: ImageSpec) -> EncodedPicture:
    """A part of a picture that another model was asked about. Raises InputError."""
    whole = part.fill
    if not isinstance(whole, EncodedPicture) or whole.placement is None:
        raise InputError(
            400, "no_picture", "the item is no picture that was sent, so it has no parts", "send the picture"
        )
    width, height = whole.placement.width, whole.placement.height
    left, top, right, bottom = part.box
    # Whole pixels, one at least, and none outside.
    first, above = min(int(left), width - 1), min(int(top), height - 1)
    last, below = min(width, max(first + 1, math.ceil(right))), min(height, max(above + 1, math.ceil(bottom)))
    return EncodedPicture(whole.body, spec, whole.limits, (first, above, last, below))


def decode_probe(body: bytes, spec: ImageSpec, name: str) -> Tuple[Pixels, DecodedImage]:
    """A probe as a model with these preprocessing steps sees it. Raises ModelError."""
    pixels = numpy.zeros(spec.shape, dtype=numpy.uint8)
    try:
        return pixels, decode_into(body, spec, ImageLimits(), pixels)
    except ImageError as error:
        raise ModelError(f"The probe {name} can't be decoded: {error.message}.", error.remedy) from error
