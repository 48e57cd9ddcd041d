"""What the tasks that look at pictures have in common."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional, Tuple

import numpy

from hotpath.codec import (
    FORMATS,
    DecodedImage,
    ImageError,
    ImageLimits,
    ImageSpec,
    Placement,
    Region,
    decode_into,
    is_quick,
)
from hotpath.core import InputError, ModelError
from hotpath.tasks.task import FORM, Content, Element, Fill, Item, Limits, Part, Pixels

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

ELEMENT = Element("image", is_text=False)


@dataclass
class EncodedPicture(Fill):
    """Decodes a picture, shrinks it, and fits it into what the model sees."""

    body: bytes
    spec: ImageSpec
    limits: ImageLimits
    region: Optional[Region] = None
    """What of it is looked at, where that is not all."""
    placement: Optional[Placement] = None
    """Where the picture lies in what the model sees, once it has been decoded."""

    def write(self, slot: Item) -> int:
        """The pixels."""
        self.placement = decode_into(self.body, self.spec, self.limits, slot[0], self.region).placement
        return 1

    def is_quick(self) -> bool:
        """By the header."""
        return is_quick(self.body, self.limits)


def encoded(body: bytes, spec: ImageSpec, limits: Limits) -> EncodedPicture:
    """A picture as clients send it."""
    return EncodedPicture(body, spec, ImageLimits(pixels=limits.pixels))


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
