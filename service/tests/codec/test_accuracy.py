"""The result stays close to a plain Pillow pipeline: full decode, then one resize of the same part."""

from __future__ import annotations

import io
from typing import Any, Dict

import numpy as np
import pytest
from PIL import Image

from hotpath.codec import ImageSpec


def reference(body: bytes, spec: ImageSpec) -> Any:
    image = Image.open(io.BytesIO(body)).convert("RGB")
    scale = min(image.size) / spec.resize_shorter
    left, top = (image.width - spec.width * scale) / 2, (image.height - spec.height * scale) / 2
    box = (left, top, image.width - left, image.height - top)
    return np.asarray(image.resize((spec.width, spec.height), Image.Resampling.BICUBIC, box=box))


def test_photographs_are_decoded_exactly(photographs: Dict[str, bytes], spec: ImageSpec, decode: Any) -> None:
    assert len(photographs) == 6
    for name, body in photographs.items():
        pixels, found = decode(body)
        assert found.reduction == 1, name
        # One step of 256: libjpeg-turbo's builds may round differently.
        assert np.abs(pixels.astype(int) - reference(body, spec)).max() <= 1, name


@pytest.mark.parametrize(("shorter", "reduction"), [(511, 1), (512, 2), (1023, 2), (1024, 4), (2048, 8)])
def test_a_reduced_decode_differs_little(
    shorter: int, reduction: int, photographs: Dict[str, bytes], spec: ImageSpec, encode: Any, decode: Any
) -> None:
    """Bound: 4 levels of 256 on average, 56 at a hard edge, where reduction leaves just enough pixels."""
    for name in ("china.jpg", "motorcycle.png"):
        photograph = Image.open(io.BytesIO(photographs[name])).convert("RGB")
        size = (shorter * photograph.width // photograph.height, shorter)
        body = encode(photograph.resize(size, Image.Resampling.LANCZOS), "JPEG", quality=90)
        pixels, found = decode(body)
        difference = np.abs(pixels.astype(int) - reference(body, spec))
        assert found.reduction == reduction
        assert difference.mean() <= 4, name
        assert difference.max() <= 56, name


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_the_spec_decides_on_interpolation_and_size(
    interpolation: str, picture: Image.Image, encode: Any, decode: Any
) -> None:
    spec = ImageSpec(height=96, width=128, resize_shorter=150, interpolation=interpolation)
    part = (400 - 256) / 2, (300 - 192) / 2, (400 + 256) / 2, (300 + 192) / 2
    wanted = picture.resize((128, 96), Image.Resampling[interpolation.upper()], box=part)
    assert np.array_equal(decode(encode(picture, "PNG"), spec)[0], np.asarray(wanted))
