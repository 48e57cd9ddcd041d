"""Variants of files that hold one picture: odd where no pixel is concerned, or damaged.

All are made by bytes from a photograph. A variant is to be answered as its clean file, or to be refused.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Iterator, List

from PIL import Image


@dataclass(frozen=True)
class Variant:
    """One file, what it is to be answered as, and what a browser makes of it."""

    format: str
    name: str
    body: bytes
    clean: bytes
    answered: bool
    """Whether it gets the clean file's answer; refused otherwise."""
    browser: str = ""
    """Why Chromium and the service differ about it; empty where they agree: the same pixels, or not these."""

    @property
    def id(self) -> str:
        """For a test's name."""
        return f"{self.format}: {self.name}"


class Variants:
    """Collects the variants of one clean file."""

    def __init__(self, format: str, clean: bytes) -> None:
        self.found: List[Variant] = []
        self._format, self._clean = format, clean

    def same(self, name: str, body: bytes, browser: str = "") -> None:
        """A variant that is answered as the clean file."""
        self.found.append(Variant(self._format, name, body, self._clean, True, browser))

    def refused(self, name: str, body: bytes, browser: str = "") -> None:
        """A variant that is refused."""
        self.found.append(Variant(self._format, name, body, self._clean, False, browser))


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    """The bytes of a file that Pillow writes."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def variants(photograph: Image.Image) -> Iterator[Variant]:
    """Every variant of every format, of an RGB photograph with sides of some hundred pixels."""
    from support.variants import bmp, gif, jpeg, png, webp

    for module in (jpeg, png, webp, gif, bmp):
        yield from module.variants(photograph)
