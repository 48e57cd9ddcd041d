"""NanoDet-g finds what its published graph finds, in the same boxes, however a photograph is sent."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest
from PIL import Image
from support.gradients import with_orientation

from hotpath.building.trial import Trial
from hotpath.core import EngineSpec
from hotpath.engine.factory import create
from hotpath.models.built import BuiltModel
from hotpath.tasks import known

torch = pytest.importorskip(
    "torch", reason="this Python has no torch; the real model is tested on the other one"
)

from support.published import built  # noqa: E402
from support.published_graph import Object, PublishedDetector  # noqa: E402

LEAST = 0.25
"""Objects with less are not compared: there the order of candidates is a matter of the last digit."""
MARGIN = 0.02
"""What one finds so near to LEAST, the other may not."""
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


@pytest.fixture(scope="module")
def model() -> BuiltModel:
    return built("nanodet_g")


@pytest.fixture(scope="module")
def published(model: BuiltModel) -> PublishedDetector:
    return PublishedDetector(model.directory)


@pytest.fixture(scope="module")
def served(model: BuiltModel) -> Trial:
    """As the service answers, in float32 as the graph computes."""
    backend = create("torchscript")
    backend.load(model, EngineSpec(0, model.identity.name, model.directory, "cpu", "torchscript", 1, 1, ()))
    return Trial(model, known.task(model), backend)


def resized(width: int, height: int) -> Callable[[Image.Image], Image.Image]:
    return lambda picture: picture.resize((width, height), Image.Resampling.LANCZOS)


def as_mode(mode: str) -> Callable[[Image.Image], Image.Image]:
    return lambda picture: picture.convert(mode)


def half_clear(picture: Image.Image) -> Image.Image:
    """Opaque in the middle and clear at the edges."""
    clear = Image.radial_gradient("L").resize(picture.size).point(lambda value: 255 - value // 2)
    picture.putalpha(clear)
    return picture


SENT: Dict[str, Tuple[str, Callable[[Image.Image], Image.Image], str, int]] = {
    "as it is": ("motorcycle", lambda picture: picture, "PNG", 1),
    **{f"turn {turn}": ("motorcycle", lambda picture: picture, "JPEG", turn) for turn in range(1, 9)},
    "odd and small": ("horse", resized(97, 79), "PNG", 1),
    "odd": ("coffee", resized(333, 517), "JPEG", 1),
    "odd, on its side": ("astronaut", resized(511, 301), "PNG", 6),
    "large": ("astronaut", resized(1203, 1801), "PNG", 1),
    "large, shrunk by libjpeg": ("astronaut", resized(1801, 1203), "JPEG", 1),
    "20 x 2000": ("motorcycle", resized(20, 2000), "PNG", 1),
    "2000 x 20": ("astronaut", resized(2000, 20), "PNG", 1),
    "grey": ("motorcycle", as_mode("L"), "PNG", 1),
    "grey JPEG": ("horse", as_mode("L"), "JPEG", 1),
    "CMYK": ("astronaut", as_mode("CMYK"), "JPEG", 1),
    "transparent": ("motorcycle", half_clear, "PNG", 1),
    "transparent grey": ("horse", lambda picture: half_clear(picture.convert("L")), "PNG", 1),
    "256 colours": ("coffee", as_mode("P"), "PNG", 1),
}
"""Photograph, what is done to it, the file's format, and how it is to be turned."""

SHRUNK = 2.0
"""Pixels of a photograph of 1801 that libjpeg shrinks to half: half of one of the model's own."""


@pytest.mark.parametrize("name", SENT)
def test_boxes_are_those_of_the_published_graph(
    name: str, model: BuiltModel, published: PublishedDetector, served: Trial
) -> None:
    probe, change, form, turn = SENT[name]
    body = _file(change(_photograph(model.directory, probe)), form, turn)
    wanted = published.objects(body, LEAST - MARGIN)
    found = _objects(served.ask(body, f"image/{form.lower()}", threshold=str(LEAST - MARGIN)))
    assert any(one.score >= LEAST for one in wanted)
    most = SHRUNK if "shrunk" in name else 1.0
    for some, others in ((wanted, found), (found, wanted)):
        for one in (one for one in some if one.score >= LEAST):
            assert min((_distance(one, other) for other in others), default=9999.0) <= most, (one, others)


def _photograph(directory: Path, probe: str) -> Image.Image:
    with Image.open(directory / "probes" / f"{probe}.png") as picture:
        return picture.convert("RGB")


def _file(picture: Image.Image, form: str, turn: int) -> bytes:
    file = io.BytesIO()
    options: Dict[str, Any] = {"quality": 95, "subsampling": 0} if form == "JPEG" else {}
    picture.save(file, form, exif=with_orientation(turn), **options)
    return file.getvalue()


def _objects(answer: Dict[str, Any]) -> List[Object]:
    return [
        Object(one["label"], one["score"], tuple(one["box"][corner] for corner in _CORNERS))
        for one in answer["objects"]
    ]


def _distance(one: Object, other: Object) -> float:
    """The most by which sides of two boxes with one label and nearly one score lie apart, in pixels."""
    if one.label != other.label or abs(one.score - other.score) > MARGIN:
        return 9999.0
    return max(abs(a - b) for a, b in zip(one.box, other.box))
