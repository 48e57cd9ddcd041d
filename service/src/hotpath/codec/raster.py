"""Pixels of every format but JPEG, by Pillow."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from hotpath.codec import errors
from hotpath.codec.header import ImageHeader


def decode(body: bytes, header: ImageHeader) -> Image.Image:
    """Decode the first frame to mode RGB, or RGBA where it may be transparent."""
    name = header.format.upper()
    data = b"".join((header.start, *(body[start:end] for start, end in header.essential))) or body
    try:
        with Image.open(io.BytesIO(data), formats=(name,)) as image:
            if image.size != (header.width, header.height):
                raise errors.corrupt(name, f"header and content disagree on its size ({image.size})")
            image.load()
            return _to_eight_bits(image)
    except (errors.ImageError, MemoryError):
        raise
    except Exception as error:
        # Pillow's parsers let through what the bytes provoke: OSError, SyntaxError, ValueError, EOFError,
        # struct.error, IndexError, zlib.error ... Whatever it is, these bytes caused it.
        if "truncated" in str(error) or isinstance(error, EOFError):
            raise errors.truncated(name) from error
        raise errors.corrupt(name, str(error) or type(error).__name__) from error


def _to_eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey; Pillow's own conversion clips it
        grey = np.clip(np.asarray(image), 0, 65535).astype(np.uint16) >> 8
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    transparent = image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info
    return image.convert("RGBA" if transparent else "RGB")
