"""Every format and pixel layout gives the colours that were put in."""

from __future__ import annotations

import struct
import zlib
from typing import Any, Callable, Dict, Tuple

import numpy as np
import pytest
from PIL import Image

PLAIN = (200, 100, 50)

# Mode and format with the colour that a plain (200, 100, 50) picture keeps in it.
COLOURED = [
    ("RGB", "JPEG", {"quality": 95}),
    ("RGB", "JPEG", {"quality": 95, "progressive": True}),
    ("RGB", "JPEG", {"quality": 95, "subsampling": 2}),
    ("CMYK", "JPEG", {"quality": 95}),
    ("RGB", "PNG", {}),
    ("RGBA", "PNG", {}),
    ("P", "PNG", {}),
    ("RGB", "WEBP", {"quality": 95}),
    ("RGB", "WEBP", {"lossless": True}),
    ("RGBA", "WEBP", {"lossless": True}),
    ("P", "GIF", {}),
    ("RGB", "BMP", {}),
    ("P", "BMP", {}),
]
GREY = [("L", "JPEG"), ("L", "PNG"), ("LA", "PNG"), ("1", "PNG"), ("L", "GIF"), ("L", "BMP"), ("1", "BMP")]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(pixels: Any, depth: int, colour_type: int) -> bytes:
    """A PNG of raw samples (rows, columns, channels), for the layouts that Pillow cannot write."""
    height, width = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(f">u{depth // 8}").tobytes() for row in pixels)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def assert_colour(pixels: Any, colour: Tuple[int, int, int], tolerance: int) -> None:
    assert np.abs(pixels.astype(int) - colour).max() <= tolerance


@pytest.mark.parametrize(("mode", "format", "options"), COLOURED)
def test_colour_survives(mode: str, format: str, options: Dict[str, Any], encode: Any, decode: Any) -> None:
    image = Image.new("RGB", (320, 300), PLAIN)
    converted = image.quantize(4) if mode == "P" else image.convert(mode)
    pixels, found = decode(encode(converted, format, **options))
    assert_colour(pixels, PLAIN, tolerance=4)
    assert (found.format, found.width, found.height) == (format.lower(), 320, 300)


@pytest.mark.parametrize(("mode", "format"), GREY)
def test_grey_becomes_equal_channels(mode: str, format: str, encode: Any, decode: Any) -> None:
    white = Image.new("L", (300, 300), 255).convert(mode)
    assert_colour(decode(encode(white, format))[0], (255, 255, 255), tolerance=1)


@pytest.mark.parametrize(("channels", "colour_type"), [(1, 0), (2, 4), (3, 2), (4, 6)])
def test_sixteen_bits_keep_their_upper_eight(channels: int, colour_type: int, decode: Any) -> None:
    opaque = [0xFFFF] if channels in (2, 4) else []
    samples = [value * 256 + 77 for value in PLAIN][: channels - len(opaque)] + opaque
    body = png(np.full((280, 300, channels), samples), 16, colour_type)
    wanted = PLAIN if channels > 2 else (PLAIN[0],) * 3
    assert_colour(decode(body)[0], wanted, tolerance=1)


def test_a_sixteen_bit_ramp_is_scaled_and_not_clipped(decode: Any) -> None:
    ramp = np.linspace(0, 65535, 300)[None, :, None].repeat(300, axis=0)
    pixels = decode(png(ramp.astype(np.uint16), 16, 0))[0]
    assert np.all(np.diff(pixels[100, :, 0].astype(int)) >= 0)
    assert 110 <= pixels[100, 112, 0] <= 145


def test_adobe_inverted_and_plain_cmyk_agree(encode: Any, decode: Any) -> None:
    body = encode(Image.new("CMYK", (300, 300), (0, 128, 192, 40)), "JPEG", quality=95)
    marker = body.index(b"\xff\xee")
    (length,) = struct.unpack_from(">H", body, marker + 2)
    assert body[marker + 4 : marker + 9] == b"Adobe"
    # Without Adobe's marker the same stored numbers are ink and no longer light.
    plain = body[:marker] + body[marker + 2 + length :]
    light, ink = ((255 - 40) * (255 - 128) // 255, 40 * 128 // 255)
    assert abs(int(decode(body)[0][9, 9, 1]) - light) <= 3
    assert abs(int(decode(plain)[0][9, 9, 1]) - ink) <= 3


def test_every_row_of_a_tall_cmyk_picture_is_converted(encode: Any, decode: Any) -> None:
    rows, columns = np.mgrid[0:515, 0:300]
    grey = Image.fromarray((rows * 255 // 514 + columns * 0).astype(np.uint8))
    wanted, _ = decode(encode(grey.convert("RGB"), "JPEG", quality=95))
    found, _ = decode(encode(grey.convert("RGB").convert("CMYK"), "JPEG", quality=95))
    assert np.abs(found.astype(int) - wanted).max() <= 6


def test_uncommon_chroma_sampling_is_decoded(encode: Any, decode: Any) -> None:
    """Cb with two blocks to four of Y and one of Cr: TurboJPEG has no name for that, libjpeg decodes it."""
    usual = encode(Image.new("RGB", (320, 320), (128, 128, 128)), "JPEG", subsampling=2)
    frame, scan = usual.index(b"\xff\xc0"), usual.index(b"\xff\xda")
    header = bytearray(usual[: scan + 2 + 12])
    header[frame + 14] = 0x21
    # Mid-grey is all zeroes: DC difference 00, end of block 1010 for Y, 00 for Cb and Cr (T.81, annex K).
    bits = (4 * "001010" + 2 * "0000" + "0000") * (20 * 20)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big")
    pixels, found = decode(bytes(header) + data + b"\xff\xd9")
    assert_colour(pixels, (128, 128, 128), tolerance=1)
    assert (found.width, found.height) == (320, 320)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF"])
def test_transparent_pixels_are_shown_over_white(format: str, encode: Any, decode: Any) -> None:
    image = Image.new("RGBA", (300, 300), (10, 20, 30, 0))
    options = {"lossless": True} if format == "WEBP" else {}
    assert_colour(decode(encode(image, format, **options))[0], (255, 255, 255), tolerance=0)


def test_half_transparent_pixels_are_mixed_with_white(encode: Any, decode: Any) -> None:
    pixels = decode(encode(Image.new("RGBA", (300, 300), (0, 100, 200, 128)), "PNG"))[0]
    assert_colour(pixels, (127, 177, 227), tolerance=1)


def test_a_transparent_palette_entry_is_shown_over_white(encode: Any, decode: Any) -> None:
    image = Image.new("P", (300, 300), 0)
    image.putpalette([10, 20, 30, 200, 100, 50])
    assert_colour(decode(encode(image, "PNG", transparency=0))[0], (255, 255, 255), tolerance=0)
    assert_colour(decode(encode(image, "PNG"))[0], (10, 20, 30), tolerance=0)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation_counts(
    format: str, encode: Callable[..., bytes], decode: Any
) -> None:
    frames = [Image.new("RGB", (300, 300), colour) for colour in (PLAIN, (0, 0, 0), (255, 255, 255))]
    options = {"lossless": True} if format == "WEBP" else {}
    body = encode(frames[0], format, save_all=True, append_images=frames[1:], duration=40, **options)
    assert_colour(decode(body)[0], PLAIN, tolerance=1)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (10_000, 1), (1, 10_000), (255, 257)])
def test_extreme_shapes(format: str, size: Tuple[int, int], encode: Any, decode: Any) -> None:
    pixels, found = decode(encode(Image.new("RGB", size, PLAIN), format))
    assert_colour(pixels, PLAIN, tolerance=16)
    assert (found.width, found.height) == size
