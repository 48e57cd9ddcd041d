"""What the tasks that look at pictures have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from hotpath.codec import FORMATS, ImageLimits, ImageSpec, Placement, decode_into, is_quick
from hotpath.tasks.task import FORM, Content, Element, Fill, Item, Limits

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
    placement: Optional[Placement] = None
    """Where the picture lies in what the model sees, once it has been decoded."""

    def write(self, slot: Item) -> int:
        """The pixels."""
        self.placement = decode_into(self.body, self.spec, self.limits, slot[0]).placement
        return 1

    def is_quick(self) -> bool:
        """By the header."""
        return is_quick(self.body, self.limits)


def encoded(body: bytes, spec: ImageSpec, limits: Limits) -> EncodedPicture:
    """A picture as clients send it."""
    return EncodedPicture(body, spec, ImageLimits(pixels=limits.pixels))
