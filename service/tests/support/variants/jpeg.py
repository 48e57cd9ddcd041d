"""JPEGs that make libjpeg warn, and others that it passes over in silence."""

from __future__ import annotations

import re
from typing import List

from PIL import Image

from support.variants import Variant, Variants, encoded
from support.variants.jpeg_bytes import (
    END,
    before_end,
    before_restarts,
    broken,
    cut,
    inserted,
    middle,
    revision,
    scan_zero,
    segment,
    segments,
    without,
)

MP4 = b"\0\0\0\x18ftypmp42" + bytes(2000)
WAITS = "Chromium waits for what follows before it shows the last rows"
SHOWN = "Chromium shows what the decoder made of it, as libjpeg only warns"


def variants(photograph: Image.Image) -> List[Variant]:
    """All of them."""
    return [
        *_around_the_picture(photograph),
        *_behind_the_data(photograph),
        *_with_restarts(photograph),
        *_progressive(photograph),
        *_of_other_colours(photograph),
    ]


def _around_the_picture(photograph: Image.Image) -> List[Variant]:
    clean = encoded(photograph, "JPEG", quality=90)
    icc = b"ICC_PROFILE\0"
    made = Variants("jpeg", clean)
    made.same("as it was written", clean)
    made.same("scan parameters 0, 0, 0", scan_zero(clean))
    made.same("JFIF 2.01", revision(clean, 2, 1))
    made.same("JFIF 0.02", revision(clean, 0, 2))
    made.same("JFIF twice", inserted(clean, clean[2:20]))
    made.same("no JFIF", without(clean, 0xE0))
    made.same("JFIF cut short", without(clean, 0xE0)[:2] + segment(0xE0, b"JFIF\0\1") + clean[20:])
    made.same("a density of nothing", clean[:13] + b"\7\0\0\0\0" + clean[18:])
    made.same("a JFIF thumbnail that is not there", clean[:18] + b"\xff\xff" + clean[20:])
    made.same("half a colour profile", inserted(clean, segment(0xE2, icc + b"\1\2" + bytes(64))))
    made.same("a colour profile of no parts", inserted(clean, segment(0xE2, icc + b"\0\0" + bytes(64))))
    made.same("a part of a profile twice", inserted(clean, 2 * segment(0xE2, icc + b"\1\1" + bytes(64))))
    made.same("a profile that is none", inserted(clean, segment(0xE2, icc + b"\1\1" + b"junk" * 40)))
    made.same("damaged EXIF", inserted(clean, segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\x7f")))
    made.same("EXIF cut short", inserted(clean, segment(0xE1, b"Exif\0\0MM\0")))
    made.same("an index of several pictures", inserted(clean, segment(0xE2, b"MPF\0II*\0" + bytes(40))))
    made.same("empty segments", inserted(clean, segment(0xE5, b"") + segment(0xFE, b"")))
    made.same("a length below its own", inserted(clean, b"\xff\xe5\0\0"))
    made.same("zeros between segments", inserted(clean, bytes(6)))
    made.same("a segment whose first byte is 0", inserted(clean, b"\0\xe1\0\6\1\2\3\4"))
    made.same("junk before the scan", inserted(clean, b"junk", -1))
    made.same("filling between segments", inserted(clean, b"\xff" * 99))
    made.same("restart marks between segments", inserted(clean, b"\xff\xd0\xff\xd7\xff\x01"))
    made.same(
        "no Huffman tables", inserted(without(clean, 0xE0, 0xC4), segment(0xE0, b"AVI1" + bytes(10)), 0)
    )
    made.same("a quantisation table twice", inserted(clean, b"".join(_of(clean, 0xDB)), -1))
    made.same("a restart interval of 0", inserted(clean, segment(0xDD, bytes(2)), -1))
    made.same("Adobe with transform 5", inserted(without(clean, 0xE0), _adobe(5), 0))
    made.same("Adobe with transform 1", inserted(clean, _adobe(1)))
    made.same("Adobe cut short", inserted(clean, segment(0xEE, b"Adobe\0")))
    odd = inserted(scan_zero(revision(clean, 2, 1)), segment(0xE2, icc + b"\1\2"))
    made.same("several of them at once", before_end(inserted(odd, b"junk", -1), bytes(30)) + MP4)
    made.refused(
        "too much between segments", inserted(clean, bytes(70_000)), "a bound, above what cameras write"
    )
    made.refused("a reserved mark between segments", inserted(clean, b"\xff\x02\0\2"))
    made.refused("JFIF 2.01, then a broken code", broken(revision(clean, 2, 1)))
    made.refused("JFIF 2.01, cut off", cut(revision(clean, 2, 1)))
    made.refused("scan parameters 0, 0, 0, cut off with an end mark", cut(scan_zero(clean)) + END)
    made.refused("half a profile, cut off", cut(inserted(clean, segment(0xE2, icc + b"\1\2"))) + END)
    return made.found


def _of(body: bytes, marker: int) -> List[bytes]:
    return [body[start:end] for found, start, end in segments(body) if found == marker]


def _adobe(transform: int) -> bytes:
    return segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes((transform,)))


def _behind_the_data(photograph: Image.Image) -> List[Variant]:
    clean = encoded(photograph, "JPEG", quality=90)
    small = encoded(photograph.resize((32, 24)), "JPEG")
    made = Variants("jpeg", clean)
    made.same("a byte before the end mark", before_end(clean, b"\x7f"))
    made.same("two bytes before the end mark", before_end(clean, b"\x3d\x1a"))
    made.same("some bytes before the end mark", before_end(clean, b"\x3d\x1a\xff\0\x99\1\2"))
    made.same("zeros before the end mark", before_end(clean, bytes(500)))
    made.same(
        "zeros before the end mark, and another picture", before_end(clean, bytes(12)) + b"SEFT" + small
    )
    made.same("one value before the end mark", before_end(clean, b"\xaa" * 99))
    made.same("filling before the end mark", before_end(clean, b"\xff" * 99))
    made.same("a comment before the end mark", before_end(clean, segment(0xFE, b"hello")))
    made.same("a film behind it", clean + MP4)
    made.same("zeros behind it", clean + bytes(70_000))
    made.same("another picture behind it", clean + small)
    made.same("no end mark", clean[:-2], WAITS)
    made.same("half an end mark", clean[:-1], WAITS)
    made.same("a trailer in the place of the end mark", clean[:-2] + b"\0\0\1\x0aSEFT" + bytes(range(100)))
    made.same("a picture in the place of the end mark", clean[:-2] + small)
    made.same("a reserved mark in the place of the end mark", clean[:-2] + b"\xff\x02\0\2" + MP4)
    made.refused("data left over", before_end(clean, clean[-66:-2]), SHOWN)
    made.refused("cut off", cut(clean))
    made.refused("cut off, with an end mark", cut(clean) + END)
    made.refused("cut off, with a film behind it", cut(clean) + MP4)
    made.refused("its last bytes cut off", clean[:-12])
    made.refused("a broken code", broken(clean))
    made.refused("a picture in its middle", clean[: middle(clean)] + small + clean[middle(clean) :])
    return made.found


def _with_restarts(photograph: Image.Image) -> List[Variant]:
    found = []
    for every, options in (("row", {"restart_marker_rows": 1}), ("3 blocks", {"restart_marker_blocks": 3})):
        clean = encoded(photograph, "JPEG", quality=90, **options)
        made = Variants("jpeg", clean)
        first = slice(0, 1)
        made.same(f"a restart mark every {every}", clean)
        made.same(f"a byte before all restart marks, every {every}", before_restarts(clean, b"\x5a"))
        made.same(
            f"two bytes before some, every {every}", before_restarts(clean, b"\x5a\xa5", slice(1, None, 3))
        )
        made.same(f"8 bytes before the first, every {every}", before_restarts(clean, b"junkjunk", first))
        made.same(f"zeros before all restart marks, every {every}", before_restarts(clean, bytes(20)))
        made.same(f"filling before all restart marks, every {every}", before_restarts(clean, b"\xff\xff"))
        made.same(f"and before the end mark, every {every}", before_end(before_restarts(clean, b"zz"), b"zz"))
        made.same(f"and no end mark, every {every}", before_restarts(clean, b"zz")[:-2] + MP4)
        junk = before_restarts(clean, b"\x5a\xa5", first)
        made.refused(f"then a broken code, every {every}", broken(junk))
        made.refused(f"then cut off, every {every}", cut(junk) + END)
        made.refused(f"a lost restart interval, every {every}", _lost_interval(junk))
        left = before_restarts(clean, bytes(range(1, 65)), slice(2, 3))
        made.refused(f"data left over, every {every}", left, SHOWN)
        found += made.found
    return found


def _lost_interval(body: bytes) -> bytes:
    marks = [found.start() for found in re.finditer(rb"\xff[\xd0-\xd7]", body)]
    return body[: marks[3]] + body[marks[4] :]


def _progressive(photograph: Image.Image) -> List[Variant]:
    clean = encoded(photograph, "JPEG", quality=90, progressive=True)
    last_scan = clean.rindex(b"\xff\xda")
    made = Variants("jpeg", clean)
    made.same("progressive", clean)
    made.same("progressive, JFIF 2.01", revision(clean, 2, 1))
    made.same("progressive, zeros between segments", inserted(clean, bytes(6)))
    made.same("progressive, a comment between scans", _between_scans(clean, segment(0xFE, b"hello")))
    made.same(
        "progressive, half a profile between scans",
        _between_scans(clean, segment(0xE2, b"ICC_PROFILE\0\1\2")),
    )
    made.same("progressive, zeros before the end mark", before_end(clean, bytes(40)))
    made.same("progressive, two bytes before the end mark", before_end(clean, b"\x3d\x1a"))
    made.same("progressive, no end mark", clean[:-2], WAITS)
    made.same("progressive, a trailer in its place", clean[:-2] + MP4)
    made.same("progressive, scan marks in a film behind it", clean + b"\xff\xda\x55\x55" * 100)
    made.refused("progressive, its last scan missing, and no end mark", clean[:last_scan])
    made.refused("progressive, cut off", cut(clean))
    made.refused(
        "progressive, JFIF 2.01, cut off in its last scan", revision(clean, 2, 1)[: last_scan + 40] + END
    )
    made.refused(
        "progressive, half a profile, a broken code",
        broken(inserted(clean, segment(0xE2, b"ICC_PROFILE\0\1\2"))),
    )
    return made.found


def _between_scans(body: bytes, content: bytes) -> bytes:
    place = re.compile(rb"\xff\xc4").search(body, segments(body)[-1][2])
    assert place
    return body[: place.start()] + content + body[place.start() :]


def _of_other_colours(photograph: Image.Image) -> List[Variant]:
    found = []
    for name, image in (("grey", photograph.convert("L")), ("CMYK", photograph.convert("CMYK"))):
        clean = encoded(image, "JPEG", quality=90)
        restarts = encoded(image, "JPEG", quality=90, restart_marker_rows=1)
        made = Variants("jpeg", clean)
        made.same(f"{name}, scan parameters 0, 0, 0", scan_zero(clean))
        made.same(f"{name}, half a colour profile", inserted(clean, segment(0xE2, b"ICC_PROFILE\0\1\2")))
        made.same(f"{name}, zeros before the end mark", before_end(clean, bytes(30)))
        made.same(f"{name}, no end mark", clean[:-2], WAITS)
        made.refused(
            f"{name}, half a profile, cut off",
            cut(inserted(clean, segment(0xE2, b"ICC_PROFILE\0\1\2"))) + END,
        )
        again = Variants("jpeg", restarts)
        again.same(f"{name}, two bytes before all restart marks", before_restarts(restarts, b"\x5a\xa5"))
        found += [*made.found, *again.found]
    return found
