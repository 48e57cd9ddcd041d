"""The fast resampling agrees with Pillow's for every shape and part of a picture."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Tuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hotpath.codec.shrink import Pixels, shrink

Case = Tuple[Pixels, Tuple[float, float, float, float], Tuple[int, int]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Noise with saturated edges, a part of it, and a size that is no larger than the part."""
    width, height = draw(st.integers(1, 700)), draw(st.integers(1, 700))
    noise = np.random.default_rng(draw(st.integers(0, 99))).integers(-200, 456, (height, width, 3))
    left, top = draw(st.floats(0, (width - 1) / 2)), draw(st.floats(0, (height - 1) / 2))
    box = (left, top, width - left, height - top)  # a middle, as the crop takes it
    size = draw(st.integers(1, int(box[2] - box[0]))), draw(st.integers(1, int(box[3] - box[1])))
    return np.clip(noise, 0, 255).astype(np.uint8), box, size


@given(case=cases(), interpolation=st.sampled_from(["bicubic", "bilinear"]))
def test_two_steps_of_256_at_most_on_the_worst_noise(case: Case, interpolation: str) -> None:
    pixels, box, size = case
    # Pillow in two calls, for recent versions begin with whichever direction is cheaper.
    kernel = Image.Resampling[interpolation.upper()]
    rows = pixels.shape[0]
    narrow = Image.fromarray(pixels).resize((size[0], rows), kernel, box=(box[0], 0, box[2], rows))
    wanted = narrow.resize(size, kernel, box=(0, box[1], size[0], box[3]))
    found = shrink(pixels, box, size, interpolation)
    assert found.shape == (size[1], size[0], 3)
    assert np.abs(found.astype(int) - np.asarray(wanted)).max() <= 2


def test_several_threads_do_not_share_a_resizer() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (500, 400, 3), np.uint8)
    alone = shrink(pixels, (0, 0, 400, 500), (100, 125), "bicubic")
    with ThreadPoolExecutor(4) as threads:
        found = list(
            threads.map(lambda _: shrink(pixels, (0, 0, 400, 500), (100, 125), "bicubic"), range(64))
        )
    assert all(np.array_equal(alone, one) for one in found)


def test_an_unknown_filter_is_the_callers_mistake() -> None:
    with pytest.raises(KeyError):
        shrink(np.zeros((8, 8, 3), np.uint8), (0, 0, 8, 8), (4, 4), "nearest")
