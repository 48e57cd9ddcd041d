"""WebPs with chunks and sizes that are wrong."""

from __future__ import annotations

import struct
from typing import Any, Dict, List, Optional, Tuple

from PIL import Image

from support.variants import Variant, Variants, encoded


def sized(body: bytes, size: Optional[int] = None) -> bytes:
    """With the size in its head that it has, or another one."""
    return body[:4] + struct.pack("<I", len(body) - 8 if size is None else size) + body[8:]


def variants(photograph: Image.Image) -> List[Variant]:
    """All of them."""
    turned = photograph.rotate(180)
    kinds: List[Tuple[str, Dict[str, Any]]] = [
        ("lossy", {"quality": 80}),
        ("lossless", {"lossless": True}),
        ("animated", {"save_all": True, "append_images": [turned], "duration": 60_000}),
    ]
    found = []
    for kind, options in kinds:
        clean = encoded(photograph, "WEBP", **options)
        made = Variants("webp", clean)
        made.same(f"{kind}, something behind it", clean + b"junk" * 50)
        made.same(f"{kind}, one byte behind it", clean + b"j")
        made.same(f"{kind}, an unknown chunk", sized(clean + b"abcd\4\0\0\0wxyz"))
        made.same(f"{kind}, EXIF that is not announced", sized(clean + b"EXIF\4\0\0\0wxyz"))
        made.same(f"{kind}, an empty chunk of no name", sized(clean + bytes(8)))
        made.refused(f"{kind}, a chunk that is cut off", sized(clean + b"abcd\xff\0\0\0wx"))
        made.refused(f"{kind}, of size 0", sized(clean, 0))
        made.refused(f"{kind}, of a size that is too large", sized(clean, len(clean)))
        made.refused(f"{kind}, of a size that is too small", sized(clean, len(clean) - 10))
        made.refused(f"{kind}, its last byte cut off", clean[:-1])
        made.refused(f"{kind}, cut off", clean[: len(clean) // 2])
        found += made.found
    return found
