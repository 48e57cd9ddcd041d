"""A region of a picture is seen as if it had been cut out and sent by itself."""

from __future__ import annotations

import io
from typing import Any, Tuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.gradients import coloured, upright, with_orientation

from hotpath.codec import ImageLimits, ImageSpec, decode_into

SPECS = {
    "stretch": ImageSpec(height=48, width=64, interpolation="bilinear", fit="stretch"),
    "letterbox": ImageSpec(height=48, width=64, interpolation="bilinear", fit="letterbox"),
    "crop": ImageSpec(height=48, width=64, resize_shorter=70, interpolation="bilinear"),
}


def encoded(picture: Image.Image, kind: str, turn: int = 1) -> bytes:
    exif = with_orientation(turn)
    file = io.BytesIO()
    picture.save(file, kind, exif=exif, **({"quality": 95, "subsampling": 0} if kind == "JPEG" else {}))
    return file.getvalue()


def seen(body: bytes, spec: ImageSpec, region: Any = None) -> Any:
    out = np.zeros(spec.shape, np.uint8)
    placement = decode_into(body, spec, ImageLimits(), out, region).placement
    return out.astype(int), placement


@st.composite
def regions(draw: Any, size: Tuple[int, int] = (420, 310)) -> Tuple[int, int, int, int]:
    left, top = draw(st.integers(0, size[0] - 24)), draw(st.integers(0, size[1] - 24))
    return left, top, draw(st.integers(left + 24, size[0])), draw(st.integers(top + 24, size[1]))


@pytest.mark.parametrize("fit", SPECS)
@settings(max_examples=40)
@given(turn=st.integers(1, 8), region=regions())
def test_it_is_what_is_cut_out_of_the_upright_picture(fit: str, turn: int, region: Any) -> None:
    size = (310, 420) if turn >= 5 else (420, 310)
    stored = coloured(size)
    people_see = upright(stored, turn)
    found, placement = seen(encoded(stored, "PNG", turn), SPECS[fit], region)
    wanted, alone = seen(encoded(people_see.crop(region), "PNG"), SPECS[fit])
    # At its edges the filter sees what lies beside it, which a picture by itself has not.
    assert np.abs(found - wanted).max() <= 8 and np.abs(found - wanted).mean() < 1.0
    assert (placement.width, placement.height) == people_see.size
    middle = ((region[0] + region[2]) / 2, (region[1] + region[3]) / 2)
    assert placement.scale_x == pytest.approx(alone.scale_x) and placement.scale_y == pytest.approx(
        alone.scale_y
    )
    assert middle[0] * placement.scale_x + placement.offset_x == pytest.approx(SPECS[fit].width / 2, abs=1.0)
    assert middle[1] * placement.scale_y + placement.offset_y == pytest.approx(SPECS[fit].height / 2, abs=1.0)


@pytest.mark.parametrize("fit", SPECS)
def test_a_photographs_region_is_shrunk_by_its_own_size(fit: str) -> None:
    picture = coloured((1600, 1200))
    region = (801, 403, 1201, 703)
    found, _ = seen(encoded(picture, "JPEG"), SPECS[fit], region)
    wanted, _ = seen(encoded(picture.crop(region), "PNG"), SPECS[fit])
    assert np.abs(found - wanted).mean() < 2.0


@pytest.mark.parametrize("region", [(0, 0, 1, 1), (419, 309, 420, 310), (210, 100, 211, 101)])
def test_a_region_may_be_a_single_pixel(region: Any) -> None:
    picture = coloured((420, 310))
    colour = np.array(picture.getpixel(region[:2]))
    for spec in (SPECS["stretch"], SPECS["crop"]):  # its neighbours differ by little
        found, _ = seen(encoded(picture, "PNG"), spec, region)
        assert np.abs(found - colour).max() <= 4
