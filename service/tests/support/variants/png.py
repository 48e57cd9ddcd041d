"""PNGs with chunks that are wrong, missing or many."""

from __future__ import annotations

import struct
import zlib
from typing import List, Optional, Tuple

from PIL import Image

from support.variants import Variant, Variants, encoded

PROVED = "Chromium shows what no check sum vouches for"
AS_ANIMATION = "Chromium tries to play it"


def chunk(
    kind: bytes, content: bytes = b"", sum: Optional[int] = None, length: Optional[int] = None
) -> bytes:
    """A chunk, with a wrong check sum or length where one is given."""
    right = zlib.crc32(kind + content) if sum is None else sum
    return (
        struct.pack(">I", len(content) if length is None else length)
        + kind
        + content
        + struct.pack(">I", right)
    )


def variants(photograph: Image.Image) -> List[Variant]:
    """All of them."""
    clean = encoded(photograph, "PNG")
    contents = _contents(clean)
    rows = b"".join(content for kind, content in contents if kind == b"IDAT")
    head, pixels, end = clean[:33], chunk(b"IDAT", rows), chunk(b"IEND")
    made = Variants("png", clean)
    made.same(
        "many small chunks",
        head + b"".join(chunk(b"IDAT", rows[at : at + 999]) for at in range(0, len(rows), 999)) + end,
    )
    made.same("empty chunks", head + chunk(b"IDAT") + pixels + chunk(b"IDAT") + end)
    for name, kind, content in (
        ("a text with a wrong check sum", b"tEXt", b"a\0b"),
        ("a colour profile that is none", b"iCCP", b"x\0\0junk"),
        ("damaged EXIF", b"eXIf", b"II*\0\xff\xff\xff\x7f"),
        ("sizes that are cut short", b"pHYs", bytes(3)),
        ("an unknown chunk", b"abCd", b"?"),
        ("an animation without frames", b"acTL", bytes(8)),
        ("an animation that is cut short", b"acTL", bytes(2)),
    ):
        made.same(name, head + chunk(kind, content, sum=1 if kind == b"tEXt" else None) + pixels + end)
        made.same(f"{name}, behind the pixels", head + pixels + chunk(kind, content, sum=1) + end)
    made.same(
        "frames announced that do not come",
        head + chunk(b"acTL", struct.pack(">II", 3, 0)) + pixels + end,
        AS_ANIMATION,
    )
    made.same("no end", head + pixels)
    made.same("half an end", head + pixels + end[:6])
    made.same("an end with a wrong check sum", head + pixels + chunk(b"IEND", sum=5))
    made.same("an end that holds something", head + pixels + chunk(b"IEND", b"abc"))
    made.same(
        "a chunk behind the pixels that is cut off", head + pixels + chunk(b"tEXt", b"abc", length=999) + end
    )
    made.same("junk between pixels and end", head + pixels + b"\r\n\r\n" + end)
    made.same("zeros in the place of the end", head + pixels + bytes(99))
    made.same("something behind it", clean + b"junk" * 99)
    made.same("too much in the pixels' stream", head + chunk(b"IDAT", rows + b"junk") + end)
    made.refused("a wrong check sum of the pixels", head + chunk(b"IDAT", rows, sum=5) + end, PROVED)
    made.refused("the pixels' check sum cut off", head + pixels[:-2], PROVED)
    made.refused("a wrong sum in the pixels' stream", head + chunk(b"IDAT", rows[:-1] + b"\0") + end, PROVED)
    made.refused(
        "a wrong check sum of a transparent colour",
        head + chunk(b"tRNS", bytes(6), sum=7) + pixels + end,
        PROVED,
    )
    made.refused("half of the pixels", head + chunk(b"IDAT", rows[: len(rows) // 2]) + end)
    made.refused("half of the pixels, and no end", head + chunk(b"IDAT", rows[: len(rows) // 2]))
    made.refused("cut off in the pixels", head + pixels[: len(pixels) // 2])
    made.refused(
        "cut off in the second chunk of pixels",
        head + chunk(b"IDAT", rows[:999]) + chunk(b"IDAT", rows[999:])[:500],
    )
    made.refused("no pixels", head + end)
    made.refused("no pixels and no end", head)
    made.refused(
        "another size in a second header",
        head[:33] + chunk(b"IHDR", struct.pack(">II", 9, 9) + head[24:29]) + pixels + end,
    )
    return made.found


def _contents(body: bytes) -> List[Tuple[bytes, bytes]]:
    found, at = [], 8
    while at < len(body):
        length, kind = struct.unpack_from(">I4s", body, at)
        found.append((kind, body[at + 8 : at + 8 + length]))
        at += 12 + length
    return found
