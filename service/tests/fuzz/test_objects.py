"""Whatever is wanted of a detector, and whatever it finds: objects, and parts for other models."""

from __future__ import annotations

import io
import json
from typing import Any, Dict, List

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.classifying import task_of
from support.detecting import LABELS, MOST, SIDE, Row, answer_of, described
from support.fuzzing import case, fuzz, judged
from support.gradients import with_orientation

from hotpath.tasks.detection.answer import Objects
from hotpath.tasks.detection.task import ObjectDetection, task
from hotpath.tasks.task import Ask, Limits, Task

LIMITS = Limits(pixels=1_000_000, items=1)

SHARES = st.one_of(
    st.floats().map(str),
    st.sampled_from(["0", "1", "-0", "1e-400", "nan", "inf", "0x1", "1_0", "\u0660", " 0.5 ", ""]),
    st.text(max_size=50),
)
NAMES = st.one_of(
    st.lists(st.sampled_from([*LABELS, "", " ", "cow", "\ud800"]), max_size=5).map(",".join),
    st.text(max_size=50),
)
OPTIONS = st.fixed_dictionaries(
    {}, optional={"threshold": SHARES, "iou": SHARES, "classes": NAMES, "then": NAMES, "x": SHARES}
)

SOUND = st.floats(-1e6, 1e6, width=32) | st.floats(0, SIDE, width=32)
ROWS = st.lists(
    st.tuples(
        st.lists(SOUND, min_size=4, max_size=4), st.floats(0, 1, width=32), st.integers(0, len(LABELS) - 1)
    ),
    max_size=MOST,
)
SIZES = st.tuples(st.integers(1, 90), st.integers(1, 90))


@pytest.fixture(scope="module", params=["stretch", "letterbox"])
def detector(request: pytest.FixtureRequest) -> ObjectDetection:
    return task(described(fit=request.param))


@pytest.fixture(scope="module")
def seconds(detector: ObjectDetection) -> List[Task]:
    """Who may be asked about what was found."""
    return [task_of((8, 8, 3)), detector]


def picture(width: int, height: int, turn: int, kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(file, kind, exif=with_orientation(turn))
    return file.getvalue()


def written(model: Task, ask: Ask) -> None:
    (fill,) = ask.fills
    assert fill.write(tuple(numpy.zeros(spec.shape, spec.dtype) for spec in model.inputs)) == 1


@fuzz(150)
@given(options=OPTIONS, rows=ROWS)
def test_options(detector: ObjectDetection, options: Dict[str, str], rows: List[Row]) -> None:
    case("options of a detector")
    ask = judged(lambda: detector.asked(picture(SIDE, SIDE, 1, "PNG"), "image/png", options, LIMITS))
    if ask is not None:
        written(detector, ask)
        told(ask, detector, rows)


def told(ask: Ask, detector: ObjectDetection, rows: List[Row]) -> Any:
    found = ask.describe([answer_of(detector, *rows)])
    json.dumps(found, allow_nan=False)
    return Objects.model_validate(found)


@fuzz(150)
@given(
    rows=ROWS,
    size=SIZES,
    turn=st.integers(1, 8),
    kind=st.sampled_from(["PNG", "JPEG"]),
    options=st.sampled_from([{}, {"threshold": "0", "iou": "1"}]),
)
def test_parts(
    detector: ObjectDetection,
    seconds: List[Task],
    rows: List[Row],
    size: Any,
    turn: int,
    kind: str,
    options: Dict[str, str],
) -> None:
    """Every object is a part that another model can look at, wherever its box lies."""
    case("parts of a picture")
    width, height = size
    ask = detector.asked(picture(width, height, turn, kind), "image/png", options, LIMITS)
    written(detector, ask)
    assert ask.parts is not None
    parts = ask.parts.find([answer_of(detector, *rows)])
    assert len(parts) == told(ask, detector, rows).count
    for second in seconds:
        for part in parts:
            written(second, second.part(part))
