"""What clients make of a photograph, in sizes and qualities."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Dict

import numpy
from PIL import Image

from hotpath.codec import ImageSpec
from hotpath.tasks.views import views

SPEC = ImageSpec(height=64, width=64, resize_shorter=72)


def test_each_photograph_is_seen_in_four_sizes_and_three_qualities(
    photographs: Dict[str, bytes], tmp_path: Path
) -> None:
    names = ("rocket.jpg", "chelsea.png")
    for name in names:
        (tmp_path / name).write_bytes(photographs[name])
    found = list(views([tmp_path / name for name in names], SPEC))
    width, height = Image.open(io.BytesIO(photographs["rocket.jpg"])).size
    sizes = [f"{width} x {height}", f"500 x {round(height * 500 / width)}"]
    sizes += ["cut to 500 x 375", "squeezed to 500 x 375"]
    wanted = [f"{size}, quality {quality}" for size in sizes for quality in (60, 75, 90)]
    assert [view.sent for view in found if view.photograph == 0] == wanted
    assert [view.photograph for view in found] == [0] * 12 + [1] * 12
    assert len({view.pixels.tobytes() for view in found}) == 24  # no two of them are the same picture
    again = list(views([tmp_path / name for name in names], SPEC))
    assert all(numpy.array_equal(one.pixels, other.pixels) for one, other in zip(found, again))
