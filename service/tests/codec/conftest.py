"""Images for the codec's tests: made on the spot, and the model's own photographs."""

from __future__ import annotations

import io
from typing import Any, Callable, Tuple

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from hotpath.codec import DecodedImage, ImageLimits, ImageSpec, decode_into

Pixels = npt.NDArray[np.uint8]
Decode = Callable[..., Tuple[Pixels, DecodedImage]]


@pytest.fixture(scope="session")
def spec() -> ImageSpec:
    return ImageSpec(height=224, width=224, resize_shorter=256)


@pytest.fixture(scope="session")
def decode(spec: ImageSpec) -> Decode:
    """Decode a body to pixels, by another `spec` where one is given."""

    def run(body: bytes, spec: ImageSpec = spec) -> Tuple[Pixels, DecodedImage]:
        out = np.zeros(spec.shape, np.uint8)
        return out, decode_into(body, spec, ImageLimits(), out)

    return run


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """Encode a Pillow image: encode(image, "PNG", **save_options)."""

    def run(image: Image.Image, format: str, **options: Any) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, format, **options)
        return buffer.getvalue()

    return run


@pytest.fixture(scope="session")
def picture() -> Image.Image:
    """400 x 300, smooth, without any symmetry: every turn and every lost part shows."""
    rows, columns = np.mgrid[0:300, 0:400]
    red = 40 + columns * 0.5
    green = 30 + rows * 0.6
    blue = 128 + 60 * np.sin(rows / 37 + columns / 53)
    return Image.fromarray(np.stack([red, green, blue], axis=-1).astype(np.uint8))
