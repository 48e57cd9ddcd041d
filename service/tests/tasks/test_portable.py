"""A picture that another worker decodes is the same picture, and its owner learns where it lies."""

from __future__ import annotations

from typing import Optional

import numpy as np
import pytest
from support.colours import picture

from hotpath.codec import ImageLimits, ImageSpec, Region
from hotpath.tasks.pictures import EncodedPicture, unpacked

SPEC = ImageSpec(height=32, width=32, resize_shorter=32)


@pytest.mark.parametrize("region", [None, (10, 20, 90, 80)])
def test_a_picture_is_written_elsewhere_as_it_would_be_here(region: Optional[Region]) -> None:
    own = EncodedPicture(picture("red", "JPEG", (120, 100)), SPEC, ImageLimits(), region)
    here, there = (np.zeros(SPEC.shape, np.uint8) for _ in range(2))
    taken = unpacked(own.parcel(), SPEC)
    assert taken.write((there,)) == EncodedPicture(own.body, SPEC, own.limits, region).write((here,)) == 1
    assert (here == there).all() and here.any()
    own.learn(taken.found())
    assert own.placement is not None and own.placement == taken.placement
