"""GIFs with blocks that are wrong, missing or many."""

from __future__ import annotations

from typing import List, Tuple

from PIL import Image

from support.variants import Variant, Variants, encoded

TRAILER = b";"
CODE_CUT = "Chromium shows it, though a code is cut off"
WRONG_LENGTH = "Chromium takes the file for damaged"


def variants(photograph: Image.Image) -> List[Variant]:
    """All of them."""
    clean = encoded(photograph.quantize(64), "GIF")
    palette_end = 13 + (3 << (1 + (clean[10] & 7)))
    head, rest = clean[:palette_end], clean[palette_end:]
    before, codes, behind = _data(clean, palette_end)
    made = Variants("gif", clean)
    for name, extension in (
        ("a comment", b"\x21\xfe\3abc\0"),
        ("an unknown extension", b"\x21\x55\3abc\0"),
        ("a text", b"\x21\x01\x0c" + bytes(12) + b"\0"),
        ("a loop that is cut short", b"\x21\xff\x0bNETSCAPE2.0\3\1\0\0\0"),
        ("an application of no name", b"\x21\xff\3abc\0"),
    ):
        made.same(f"{name} before the picture", head + extension + rest)
        made.same(f"{name} behind the picture", clean[:-1] + extension + TRAILER)
    made.same("controls twice", head + b"\x21\xf9\4\0\0\0\0\0" * 2 + rest)
    made.same("unknown disposal", head + b"\x21\xf9\4\x1c\0\0\0\0" + rest)
    made.same("controls of another length", head + b"\x21\xf9\3\0\0\0\0" + rest, WRONG_LENGTH)
    made.same("the first revision", b"GIF87a" + clean[6:])
    made.same("a background that is no colour", clean[:11] + b"\xff" + clean[12:])
    made.same("a canvas of 0 x 0", clean[:6] + bytes(4) + clean[10:])
    made.same("no trailer", clean[:-1])
    made.same("no terminator and no trailer", clean[:-2])
    made.same("zeros in the place of the trailer", clean[:-1] + bytes(50))
    made.same("something behind it", clean + b"junk" * 50)
    made.same("junk behind the picture", clean[:-1] + b"\x55\x55" + TRAILER)
    made.same("half a comment behind the picture", clean[:-1] + b"\x21\xfe\x30abc")
    made.same("small blocks", before + _blocks(codes, 7) + behind)
    made.same("too many codes", before + _blocks(codes + bytes(300), 255) + behind)
    made.same("no last code", before + _blocks(codes[:-1], 255) + behind)
    made.refused("codes missing", before + _blocks(codes[:-9], 255) + behind)
    made.refused("cut off", clean[: len(clean) // 2])
    made.refused("a zero before the picture", head + b"\0" + rest)
    made.refused("no picture", head + TRAILER)
    return made.found


def _data(body: bytes, palette_end: int) -> Tuple[bytes, bytes, bytes]:
    """What comes before the blocks of the first picture, their content, and what comes behind."""
    at = body.index(b",", palette_end) + 11
    before, codes = body[:at], b""
    while body[at]:
        codes += body[at + 1 : at + 1 + body[at]]
        at += 1 + body[at]
    return before, codes, body[at + 1 :]


def _blocks(codes: bytes, size: int) -> bytes:
    pieces = [codes[at : at + size] for at in range(0, len(codes), size)]
    return b"".join(bytes((len(piece),)) + piece for piece in pieces) + b"\0"
