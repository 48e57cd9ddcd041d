"""Specs and limits say what is wrong with them."""

from __future__ import annotations

from typing import Any, Dict

import numpy as np
import pytest

from hotpath.codec import ImageLimits, ImageSpec, decode_into

GOOD: Dict[str, Any] = {"height": 224, "width": 224, "resize_shorter": 256, "crop": "center"}


def test_a_models_preprocessing_is_read() -> None:
    spec = ImageSpec.from_dict({**GOOD, "interpolation": "bilinear", "mean": [1.0], "std": [2.0]})
    assert spec.shape == (224, 224, 3)
    assert spec.interpolation == "bilinear"
    assert ImageSpec.from_dict(spec.to_dict()) == spec


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"interpolation": "nearest"}, "use bicubic or bilinear"),
        ({"crop": "random"}, "only center is known"),
        ({"height": 300}, "enlarge resize_shorter"),
        ({"width": 0}, "between 1 and"),
        ({"colour": "BGR"}, "unknown key 'colour'"),
        ({"fit": "squeeze"}, "use crop, stretch or letterbox"),
        ({"fit": "stretch"}, "stretch has no resize_shorter"),
        ({"padding": [0, 0, 256]}, "three numbers from 0 to 255"),
    ],
)
def test_a_wrong_value_is_named(change: Dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ImageSpec.from_dict({**GOOD, **change})


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ValueError, match="lacks the key 'width'"):
        ImageSpec.from_dict({"height": 1, "resize_shorter": 1})


def test_a_letterbox_is_read_as_json_has_it() -> None:
    spec = ImageSpec.from_dict({"height": 8, "width": 9, "fit": "letterbox", "padding": [1, 2, 3]})
    assert spec.padding == (1, 2, 3)
    assert ImageSpec.from_dict(spec.to_dict()) == spec


@pytest.mark.parametrize(
    "limits", [{"pixels": 0}, {"pixels": 10**9}, {"formats": ("tiff",)}, {"formats": ()}]
)
def test_wrong_limits_are_refused(limits: Dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="use "):
        ImageLimits(**limits)


@pytest.mark.parametrize(
    "out",
    [
        np.zeros((224, 224), np.uint8),
        np.zeros((224, 224, 3), np.float32),
        np.zeros((3, 224, 224), np.uint8).transpose(1, 2, 0),
    ],
    ids=["shape", "type", "strides"],
)
def test_a_slot_that_does_not_fit_is_the_callers_mistake(out: Any) -> None:
    with pytest.raises(ValueError, match="out is"):
        decode_into(b"", ImageSpec.from_dict(GOOD), ImageLimits(), out)
