"""Stretched and letterboxed pictures: as plain Pillow makes them, and with a way back to what was sent."""

from __future__ import annotations

from typing import Any, Tuple

import numpy as np
import pytest
from PIL import Image, ImageDraw
from support.gradients import coloured, upright, with_orientation

from hotpath.codec import ImageSpec

GREY = (114, 115, 116)
SPECS = {
    "stretch": ImageSpec(height=160, width=224, interpolation="bilinear", fit="stretch"),
    "letterbox": ImageSpec(height=160, width=224, interpolation="bilinear", fit="letterbox", padding=GREY),
    "crop": ImageSpec(height=160, width=224, resize_shorter=256, interpolation="bilinear"),
}
SIZES = [(400, 300), (300, 400), (333, 517), (20, 2000), (2000, 20), (1, 1), (1, 700), (97, 61)]


def plain(picture: Image.Image, spec: ImageSpec) -> Any:
    """The model's picture by Pillow alone."""
    if spec.fit == "stretch":
        return np.asarray(picture.resize((spec.width, spec.height), Image.Resampling.BILINEAR))
    ratio = min(spec.width / picture.width, spec.height / picture.height)
    size = max(1, round(picture.width * ratio)), max(1, round(picture.height * ratio))
    page = Image.new("RGB", (spec.width, spec.height), spec.padding)
    page.paste(
        picture.resize(size, Image.Resampling.BILINEAR),
        ((spec.width - size[0]) // 2, (spec.height - size[1]) // 2),
    )
    return np.asarray(page)


@pytest.mark.parametrize("fit", ["stretch", "letterbox"])
@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_it_is_what_pillow_makes(fit: str, turn: int, size: Any, encode: Any, decode: Any) -> None:
    picture = coloured(size)
    pixels, found = decode(encode(picture, "PNG", exif=with_orientation(turn)), SPECS[fit])
    seen = upright(picture, turn)
    # Pillow rounds between rows and columns, which a turned picture goes through the other way.
    assert np.abs(pixels.astype(int) - plain(seen, SPECS[fit])).max() <= 1
    assert (found.placement.width, found.placement.height) == seen.size == (found.width, found.height)


@pytest.mark.parametrize("fit", ["stretch", "letterbox"])
@pytest.mark.parametrize("turn", [1, 3, 6])
@pytest.mark.parametrize(
    ("size", "reductions"),
    [
        ((400, 300), {"stretch": 1, "letterbox": 1}),
        ((449, 323), {"stretch": 2, "letterbox": 2}),
        ((1791, 1203), {"stretch": 4, "letterbox": 4}),
        ((20, 2000), {"stretch": 1, "letterbox": 8}),
        ((1800, 321), {"stretch": 2, "letterbox": 8}),
    ],
)
def test_a_jpeg_is_reduced_as_far_as_both_sides_allow(
    fit: str, turn: int, size: Any, reductions: Any, encode: Any, decode: Any
) -> None:
    picture = coloured(size)
    body = encode(picture, "JPEG", quality=95, subsampling=0, exif=with_orientation(turn))
    pixels, found = decode(body, SPECS[fit])
    difference = np.abs(pixels.astype(int) - plain(upright(picture, turn), SPECS[fit]))
    assert difference.mean() <= 1.5 and np.quantile(difference, 0.99) <= 6
    if turn < 5:
        assert found.reduction == reductions[fit]


@pytest.mark.parametrize("fit", ["stretch", "letterbox"])
def test_greyscale_and_transparent_pictures(fit: str, encode: Any, decode: Any) -> None:
    picture = coloured((333, 517))
    grey = picture.convert("L")
    for format in ("PNG", "JPEG"):
        pixels, _ = decode(encode(grey, format, **({"quality": 95} if format == "JPEG" else {})), SPECS[fit])
        assert np.abs(pixels.astype(int) - plain(grey.convert("RGB"), SPECS[fit])).max() <= 3
    clear = Image.new("RGBA", (333, 517), (10, 20, 30, 0))
    pixels, _ = decode(encode(clear, "PNG"), SPECS[fit])
    assert np.array_equal(pixels, plain(Image.new("RGB", (333, 517), "white"), SPECS[fit]))


@pytest.mark.parametrize("fit", ["stretch", "letterbox", "crop"])
@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [(400, 300), (517, 333), (1000, 701)], ids=str)
def test_a_box_finds_the_way_back_to_the_picture(
    fit: str, turn: int, format: str, size: Any, encode: Any, decode: Any
) -> None:
    stored = Image.new("RGB", size, "black")
    box = (size[0] * 0.4, size[1] * 0.35, size[0] * 0.55, size[1] * 0.7)
    ImageDraw.Draw(stored).rectangle(
        [round(box[0]), round(box[1]), round(box[2]) - 1, round(box[3]) - 1], "white"
    )
    options = {"quality": 95, "subsampling": 0} if format == "JPEG" else {}
    pixels, found = decode(encode(stored, format, exif=with_orientation(turn), **options), SPECS[fit])
    wanted = (
        Image.fromarray(np.asarray(upright(stored, turn)))
        .convert("L")
        .point(lambda v: v > 127 and 255)
        .getbbox()
    )

    back = found.placement.in_picture(np.array([_edges(pixels)]))[0]

    assert wanted is not None
    assert np.abs(back - wanted).max() <= 1


def _edges(pixels: Any) -> Tuple[float, float, float, float]:
    """Left, top, right, bottom of what is white among black, to parts of a pixel by its grey edges."""
    white = (np.where(pixels[..., 0] == GREY[0], 0, pixels[..., 0]) / 255.0).astype(float)
    rows, columns = white.max(1), white.max(0)
    row, column = int(white[:, columns.argmax()].argmax()), int(columns.argmax())
    across, down = white[row], white[:, column]
    assert rows.max() > 0.9
    middle_x = (across * (np.arange(len(across)) + 0.5)).sum() / across.sum()
    middle_y = (down * (np.arange(len(down)) + 0.5)).sum() / down.sum()
    return (
        middle_x - across.sum() / 2,
        middle_y - down.sum() / 2,
        middle_x + across.sum() / 2,
        middle_y + down.sum() / 2,
    )


def test_a_box_is_cut_off_at_the_sides_of_the_picture(encode: Any, decode: Any) -> None:
    _, found = decode(encode(coloured((400, 200)), "PNG"), SPECS["letterbox"])
    whole = found.placement.in_picture(np.array([[-5.0, 0.0, 300.0, 160.0], [10.0, 30.0, 20.0, 40.0]]))
    assert whole[0].tolist() == [0.0, 0.0, 400.0, 200.0]
    assert whole[1] == pytest.approx([10 / 0.56, (30 - 24) / 0.56, 20 / 0.56, (40 - 24) / 0.56])
