"""The task's own arithmetic: answers, options, columns, comparisons. No network takes part."""

from __future__ import annotations

import io
import json
from typing import Any, Dict, List

import numpy
import pytest
from PIL import Image
from support.detecting import LABELS, MOST, SIDE, answer_of, described, outputs_of

from hotpath.core import InputError, ModelError
from hotpath.tasks.detection.answer import Objects
from hotpath.tasks.detection.candidates import unpack
from hotpath.tasks.detection.outline import outline
from hotpath.tasks.detection.task import ObjectDetection, task
from hotpath.tasks.task import Limits, Prepared

LIMITS = Limits(pixels=10_000_000, items=1)
CAT = ([8.0, 16.0, 24.0, 48.0], 0.9, 0)
DOG = ([40.0, 0.0, 64.0, 32.0], 0.6, 1)
FAINT = ([0.0, 0.0, 64.0, 64.0], 0.3, 2)


def picture(width: int, height: int, turn: int = 1, format: str = "PNG") -> bytes:
    image, buffer = Image.new("RGB", (width, height), "white"), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = turn
    image.save(buffer, format, exif=exif)
    return buffer.getvalue()


def asked(model: ObjectDetection, body: bytes, *rows: Any, **options: str) -> Dict[str, Any]:
    ask = model.asked(body, "image/png", options, LIMITS)
    (fill,) = ask.fills
    assert fill.write((numpy.zeros((SIDE, SIDE, 3), numpy.uint8),)) == 1
    found = ask.describe([answer_of(model, *rows)])
    json.dumps(found, allow_nan=False)
    Objects.model_validate(found)
    return found


def boxes(found: Dict[str, Any]) -> List[Any]:
    return [[one["label"], *one["box"].values()] for one in found["objects"]]


def test_boxes_are_in_pixels_of_the_picture_as_sent() -> None:
    found = asked(task(described()), picture(640, 320), CAT, DOG, FAINT)
    assert found["image"] == {"width": 640, "height": 320}
    assert found["count"] == 2
    assert boxes(found) == [["cat", 80.0, 80.0, 240.0, 240.0], ["dog", 400.0, 0.0, 640.0, 160.0]]
    assert [one["score"] for one in found["objects"]] == [0.9, 0.6]


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("fit", ["stretch", "letterbox"])
def test_the_picture_is_the_one_that_people_see(turn: int, fit: str) -> None:
    width, height = (320, 640) if turn >= 5 else (640, 320)
    found = asked(task(described(fit=fit)), picture(640, 320, turn), ([0, 0, SIDE, SIDE], 0.9, 2))
    assert found["image"] == {"width": width, "height": height}
    assert boxes(found) == [["potted plant", 0.0, 0.0, width, height]]


def test_a_letterbox_leaves_no_trace_in_the_boxes() -> None:
    found = asked(task(described(fit="letterbox")), picture(640, 320), ([32.0, 16.0, 48.0, 24.0], 0.9, 0))
    assert boxes(found) == [["cat", 320.0, 0.0, 480.0, 80.0]]


def test_what_lies_beside_the_picture_is_nothing() -> None:
    found = asked(task(described(fit="letterbox")), picture(640, 320), ([0.0, 0.0, 64.0, 15.0], 0.9, 0))
    assert found["objects"] == [] and found["count"] == 0


def test_a_request_has_its_own_thresholds() -> None:
    model, body = task(described()), picture(64, 64)
    near = ([8.0, 16.0, 24.0, 44.0], 0.8, 0)
    rows = (CAT, near, DOG, FAINT)
    assert asked(model, body, *rows)["count"] == 2
    assert asked(model, body, *rows, threshold="0.2")["count"] == 3
    assert asked(model, body, *rows, threshold="0.7")["count"] == 1
    assert asked(model, body, *rows, iou="0.95")["count"] == 3
    assert boxes(asked(model, body, *rows, classes="dog, potted plant", threshold="0"))[0][0] == "dog"


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("threshold", "1.1", "threshold is '1.1'"),
        ("threshold", "nan", "threshold is 'nan'"),
        ("iou", "half", "iou is 'half'"),
        ("iou", "", "iou is ''"),
        ("classes", "cat,cow", "classes names 'cow'"),
        ("classes", "", "classes names ''"),
    ],
)
def test_an_option_that_is_none_is_told(option: str, value: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        task(described()).asked(b"", "image/png", {option: value}, LIMITS)
    assert (caught.value.status, caught.value.code) == (400, "invalid_option")
    assert f"?{option}=" in caught.value.remedy


def test_columns_hold_the_objects_and_nothing_behind_them() -> None:
    model = task(described())
    decoded = model.encoded(picture(128, 64), LIMITS)
    decoded.write((numpy.zeros((SIDE, SIDE, 3), numpy.uint8),))
    tensor = Prepared((numpy.zeros((SIDE, SIDE, 3), numpy.uint8),))
    items = [(decoded, answer_of(model, CAT, DOG)), (tensor, answer_of(model, CAT))]
    columns = {name: list(model.column(name, items)) for name in model.columns}
    for name, column in model.columns.items():
        assert len(columns[name]) == 2 * int(numpy.prod(column.shape)), name
    assert columns["count"] == [2, 1]
    assert columns["labels"] == ["cat", "dog", *[""] * (MOST - 2), "cat", *[""] * (MOST - 1)]
    assert columns["classes"][:3] == [0, 1, -1]
    assert columns["scores"][:3] == pytest.approx([0.9, 0.6, 0.0])
    assert columns["boxes"][:12] == [16.0, 16.0, 48.0, 48.0, 80.0, 0.0, 128.0, 32.0, 0.0, 0.0, 0.0, 0.0]
    assert columns["boxes"][4 * MOST : 4 * MOST + 4] == CAT[0]


def test_an_overflow_is_no_answer() -> None:
    model = task(described())
    for place, value in ((0, numpy.inf), (1, numpy.nan)):
        outputs = outputs_of([CAT], [CAT])
        outputs[place][1, 3] = value
        with pytest.raises(ValueError, match="of image 1 are no numbers"):
            model.pack(outputs)


def test_versions_agree_when_they_find_the_same_clear_things() -> None:
    one, other = task(described()), task(described(("dog", "potted plant", "cat"), height=128))
    said = answer_of(one, CAT, DOG)
    tall = [(box[0], 2 * box[1], box[2], 2 * box[3]) for box in (CAT[0], DOG[0])]
    same = answer_of(other, (tall[0], 0.85, 2), (tall[1], 0.62, 0))
    assert one.agrees(said, other, same) and other.agrees(same, one, said)
    assert not one.agrees(said, other, answer_of(other, (tall[0], 0.85, 2)))
    assert not one.agrees(answer_of(one, CAT), other, same)
    assert not one.agrees(said, other, answer_of(other, (tall[0], 0.85, 1), (tall[1], 0.62, 0)))
    moved = [tall[1][0] - 20, tall[1][1], tall[1][2] - 20, tall[1][3]]
    assert not one.agrees(said, other, answer_of(other, (tall[0], 0.85, 2), (moved, 0.62, 0)))


def test_what_is_hardly_sure_may_come_and_go() -> None:
    model = task(described())
    barely = ([0.0, 0.0, 20.0, 20.0], 0.45, 2)
    under = ([0.0, 0.0, 20.0, 20.0], 0.35, 2)
    assert model.agrees(answer_of(model, CAT, barely), model, answer_of(model, CAT, under))
    assert model.agrees(answer_of(model, CAT, barely), model, answer_of(model, CAT))


@pytest.mark.parametrize(
    ("other", "exact", "words"),
    [
        ((CAT[0], 0.9004, 0), True, ""),
        ((CAT[0], 0.902, 0), True, "a score differs by 0.002, over 0.001"),
        ((CAT[0], 0.85, 0), False, ""),
        ((CAT[0], 0.75, 0), False, "a score differs by 0.15, over 0.1"),
        (([8.0, 16.0, 24.0, 47.5], 0.9, 0), True, "overlap by 0.984"),
        (([8.0, 16.0, 24.0, 40.0], 0.9, 0), False, "overlap by 0.750 on average, less than 0.9"),
        (([30.0, 16.0, 40.0, 40.0], 0.9, 0), False, "of 2 clear objects 0 are found by both"),
        ((CAT[0], 0.9, 1), False, "of 2 clear objects 0 are found by both"),
    ],
)
def test_forms_are_compared(other: Any, exact: bool, words: str) -> None:
    model = task(described())
    pair = [answer_of(model, CAT)], [answer_of(model, other)]
    if words:
        with pytest.raises(ModelError, match=words):
            model.compare("f", exact, *pair)
    else:
        assert model.compare("f", exact, *pair) == pytest.approx(abs(other[1] - 0.9), abs=1e-6)


def test_where_nothing_is_sure_nothing_is_proved() -> None:
    model = task(described())
    with pytest.raises(ModelError, match="finds nothing for sure"):
        model.compare("f", False, [answer_of(model, FAINT)], [answer_of(model, FAINT)])


def test_a_record_is_enough_to_compare_with() -> None:
    model = task(described())
    answers = [answer_of(model, CAT, DOG, FAINT, ([0, 0, 1, 1], 0.2, 0)), answer_of(model)]
    recorded = model.recorded(json.loads(json.dumps(model.record(answers))))
    assert unpack(recorded[0]).scores.tolist() == unpack(answers[0]).scores[:3].tolist()
    assert len(recorded[1]) == 0
    assert model.compare("f", True, recorded, answers) == 0.0


def test_an_outline_knows_what_makes_a_slot() -> None:
    one = outline(described())
    assert (one.input, one.slot_bytes) == ("64x64x3", 64 * 64 * 3)
    assert one.same_input(outline(described(("other",), mean=[1.0, 2.0, 3.0])))
    assert not one.same_input(outline(described(fit="letterbox")))
    assert outline(described(fit="letterbox")).same_input(outline(described(fit="letterbox")))


@pytest.mark.parametrize(
    "wrong", [{"height": "64"}, {"width": 0}, {"fit": "crop"}, {"interpolation": "none"}]
)
def test_an_outline_refuses_what_a_worker_could_not_read(wrong: Dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        outline(described(**wrong))


def test_a_probe_is_right_when_the_thing_is_where_it_is() -> None:
    model = task(described())
    model._model.document["probes"].append(
        {"file": "photo.png", "find": [{"label": LABELS[0], "box": [0, 0, 10, 10]}]}
    )
    body = picture(32, 32)
    object.__setattr__(model._model, "read", lambda file: body)
    right = answer_of(model, ([0.0, 0.0, 20.0, 20.0], 0.9, 0))
    model.judge([right])
    for row, words in (
        (([0.0, 0.0, 20.0, 20.0], 0.9, 1), "On photo.png the model d finds dog 0.900; right would be: cat"),
        (([40.0, 40.0, 60.0, 60.0], 0.9, 0), r"finds cat in \[20.0, 20.0, 30.0, 30.0\]; right would be"),
        (FAINT, "finds nothing; right would be: cat"),
    ):
        with pytest.raises(ModelError, match=words):
            model.judge([answer_of(model, row)])
