"""Whatever is sent to the deployed /predict, the answer is right or a clear 4xx, and the service stays healthy."""

from __future__ import annotations

import io
import json
import struct
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from PIL import Image
from support.demo import PROBES, SOURCE, Demo

ACCEPT = {probe["file"].rpartition("/")[2].partition(".")[0]: probe["accept"] for probe in PROBES}


@dataclass(frozen=True)
class Reply:
    status: int
    body: dict[str, object]


def post(url: str, body: bytes, kind: str) -> Reply:
    request = urllib.request.Request(f"{url}/predict", body, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return Reply(response.status, json.load(response))
    except urllib.error.HTTPError as error:
        return Reply(error.code, json.load(error))


def photograph(name: str) -> Image.Image:
    found = next(SOURCE.glob(f"probes/{name}*"))
    return Image.open(found).convert("RGB")


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def huge_png_header() -> bytes:
    """30,000 x 30,000 pixels announced, none of them there."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def sixteen_bit(name: str) -> bytes:
    """A grey photograph with 16 bits a pixel."""
    grey = photograph(name).convert("L")
    pixels = struct.pack(f"<{grey.width * grey.height}H", *(value * 257 for value in grey.tobytes()))
    return encoded(Image.frombytes("I;16", grey.size, pixels), "PNG")


def rotated_by_exif(name: str) -> bytes:
    """Stored lying on its side, with the orientation tag that stands it up again."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(photograph(name).transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif.tobytes(), quality=95)


RIGHT: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "CMYK JPEG": ("chelsea", "image/jpeg", lambda: encoded(photograph("chelsea").convert("CMYK"), "JPEG")),
    "EXIF-rotated JPEG": ("flower", "image/jpeg", lambda: rotated_by_exif("flower")),
    "16-bit PNG": ("chelsea", "image/png", lambda: sixteen_bit("chelsea")),
    "animated GIF": (
        "coffee",
        "image/gif",
        lambda: encoded(photograph("coffee"), "GIF", save_all=True, append_images=[photograph("china")]),
    ),
    "palette PNG": ("coffee", "image/png", lambda: encoded(photograph("coffee").quantize(256), "PNG")),
    "wrong Content-Type": ("coffee", "image/png", lambda: encoded(photograph("coffee"), "JPEG")),
}


@pytest.mark.parametrize("case", RIGHT)
def test_unusual_images_get_the_right_answer(demo: Demo, case: str) -> None:
    name, kind, make = RIGHT[case]
    reply = post(demo.url, make(), kind)
    assert reply.status == 200, reply.body
    assert reply.body["label"] in ACCEPT[name]


WRONG: dict[str, tuple[int, str, Callable[[], bytes]]] = {
    "truncated JPEG": (422, "truncated_image", lambda: encoded(photograph("flower"), "JPEG")[:-2000]),
    "text named .jpg": (415, "unsupported_image", lambda: b"This is no photograph.\n" * 40),
    "0 bytes": (400, "empty_body", lambda: b""),
    "30,000 x 30,000 PNG header": (413, "too_many_pixels", huge_png_header),
    "100 MB body": (413, "body_too_large", lambda: bytes(100_000_000)),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("form", ["raw", "multipart"])
def test_broken_images_get_a_clear_refusal(demo: Demo, case: str, form: str) -> None:
    status, code, make = WRONG[case]
    body, kind = make(), "image/jpeg"
    if form == "multipart":
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n'
        body = head + b"Content-Type: image/jpeg\r\n\r\n" + body + b"\r\n--b--\r\n"
        kind = "multipart/form-data; boundary=b"
    reply = post(demo.url, body, kind)
    error = reply.body["error"]
    assert isinstance(error, dict)
    assert (reply.status, error["code"]) == (status, code), error
    assert error["message"] and error["remedy"]


def test_the_service_is_healthy_afterwards(demo: Demo) -> None:
    """Runs last in this file: ready, answering rightly, and never restarted."""
    with urllib.request.urlopen(f"{demo.url}/readyz", timeout=10) as ready:
        assert ready.status == 200
    reply = post(demo.url, encoded(photograph("chelsea"), "JPEG"), "image/jpeg")
    assert reply.status == 200 and reply.body["label"] in ACCEPT["chelsea"]
    with urllib.request.urlopen(f"{demo.url}/metrics", timeout=10) as metrics:
        text = metrics.read().decode()
    restarts = [line for line in text.splitlines() if line.startswith("hotpath_restarts_total")]
    assert restarts and all(line.endswith(" 0.0") for line in restarts), restarts
