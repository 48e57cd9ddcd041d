"""Bad input of every task by every protocol: each refusal names the thing and the way out.

What differs by task meets what differs by protocol here, without a service; what a service says around it
(unknown models, sizes of bodies, /v1) stands in tests/system.
"""

from __future__ import annotations

import base64
import io
import json
import struct
from typing import Any, Callable, Dict, List, NamedTuple, Sequence, Tuple

import numpy
import pytest
from PIL import Image
from support.classifying import task_of
from support.detecting import described
from support.messages import filled
from support.requests import INPUTS, json_tensors, letters_task, tensors_task, texts_task

from hotpath.core import InputError
from hotpath.http.errors import Problem
from hotpath.http.grpc import reading
from hotpath.http.grpc.contents import FIELDS
from hotpath.http.v2 import request as over_http
from hotpath.http.v2.items import Accepted
from hotpath.tasks.datatypes import DTYPES
from hotpath.tasks.detection.task import task as detection
from hotpath.tasks.task import Limits, Task

LIMITS = Limits(pixels=1_000_000, items=2048)
MOST = 4
MANY = 100_000


class Tensor(NamedTuple):
    """An input of the Open Inference Protocol, before it takes a protocol's form."""

    name: str
    datatype: str
    shape: Sequence[int]
    values: Sequence[Any]
    """Flat."""

    @property
    def packed(self) -> bytes:
        if isinstance(self.values[0], bytes):
            return b"".join(struct.pack("<I", len(one)) + one for one in self.values)
        return numpy.array(self.values).astype(DTYPES.get(self.datatype, "float64")).tobytes()

    @property
    def field(self) -> str:
        """Of gRPC's contents."""
        if isinstance(self.values[0], bytes):
            return "bytes_contents"
        return str(FIELDS.get(self.datatype, FIELDS["FP32"])[0])


Way = Callable[[Accepted, Sequence[Tensor]], over_http.Wanted]


def in_json(accepted: Accepted, tensors: Sequence[Tensor]) -> over_http.Wanted:
    element = accepted.task.element
    is_text = element is not None and element.is_text

    def told(value: Any) -> Any:
        if not isinstance(value, bytes):
            return value
        return value.decode("utf-8", "surrogateescape") if is_text else base64.b64encode(value).decode()

    inputs = [
        {**one._asdict(), "values": None, "data": [told(value) for value in one.values]} for one in tensors
    ]
    return over_http.understand(json.dumps({"inputs": inputs}).encode(), None, accepted)


def in_binary(accepted: Accepted, tensors: Sequence[Tensor]) -> over_http.Wanted:
    inputs = [
        {
            "name": one.name,
            "datatype": one.datatype,
            "shape": one.shape,
            "parameters": {"binary_data_size": len(one.packed)},
        }
        for one in tensors
    ]
    header = json.dumps({"inputs": inputs}).encode()
    body = header + b"".join(one.packed for one in tensors)
    return over_http.understand(body, str(len(header)), accepted)


def by_grpc(accepted: Accepted, inputs: List[Dict[str, Any]], **more: Any) -> over_http.Wanted:
    message = filled(reading.InferRequest(), {"inputs": inputs, **more})
    return reading.understand(reading.parse(reading.InferRequest, message.SerializeToString()), accepted)


def in_raw_contents(accepted: Accepted, tensors: Sequence[Tensor]) -> over_http.Wanted:
    inputs = [{"name": one.name, "datatype": one.datatype, "shape": list(one.shape)} for one in tensors]
    return by_grpc(accepted, inputs, raw_input_contents=[one.packed for one in tensors])


def in_contents(accepted: Accepted, tensors: Sequence[Tensor]) -> over_http.Wanted:
    inputs = [
        {
            "name": one.name,
            "datatype": one.datatype,
            "shape": list(one.shape),
            "contents": {one.field: list(one.values)},
        }
        for one in tensors
    ]
    return by_grpc(accepted, inputs)


WAYS: List[Way] = [in_json, in_binary, in_raw_contents, in_contents]
every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Any]:
    return {
        "classification": task_of((4, 4, 3)),
        "detection": detection(described()),
        "texts": texts_task(tmp_path_factory.mktemp("texts") / "tiny", "refuse"),
        "own": letters_task(),
        "tensors": tensors_task([spec for spec in INPUTS if spec.dtype != "float16"]),
    }


def refusal(work: Callable[[], Any]) -> str:
    """What is said of it; that it is the client's to mend, and how, is seen to."""
    with pytest.raises((InputError, Problem)) as caught:
        work()
    error: Any = caught.value
    assert error.status in (400, 413, 415, 422) and error.code and error.remedy
    return str(error.message)


def picture(side: int = 30) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side)).save(file, "PNG")
    return file.getvalue()


PICTURES = ("classification", "detection")
KINDS = {"texts": "text/plain", "own": "text/plain"}
ELEMENTS = [
    *((name, b"", "holds 0 bytes") for name in PICTURES),
    *((name, b"hello", "not an image") for name in PICTURES),
    *((name, b"\xff\xfe", "no known image format") for name in PICTURES),
    *((name, picture()[:-20], "ends before its last pixel") for name in PICTURES),
    *((name, picture(1001), "1002001 pixels") for name in PICTURES),
    ("texts", b"", "nothing but space"),
    ("texts", b" \n\xc2\xa0", "nothing but space"),
    ("texts", b"\xff", "not UTF-8"),
    ("texts", b"dog " * 40, "42 tokens"),
    ("texts", b"a" * 1_000_000, "1000000 characters"),
    ("own", "ü".encode(), "not ASCII"),
]
"""Tasks, items that they can't use, and what is said of those."""


@pytest.mark.parametrize(("name", "element", "words"), ELEMENTS, ids=lambda value: str(value)[:20])
def test_an_item_that_can_not_be_used(tasks: Dict[str, Any], name: str, element: bytes, words: str) -> None:
    task = tasks[name]

    def predicted() -> None:
        for fill in task.asked(element, KINDS.get(name, "image/png"), {}, LIMITS).fills:
            write(task, fill)

    def inferred(way: Way) -> None:
        for item in way(Accepted(task, MOST), [Tensor(task.element.name, "BYTES", [1], [element])]).items:
            assert isinstance(item, bytes)
            write(task, task.encoded(item, LIMITS))

    assert words in refusal(predicted)
    for way in WAYS:
        # That JSON is no Unicode is seen before it is a text.
        is_broken = way is in_json and task.element.is_text and element == b"\xff"
        assert ("is no text" if is_broken else words) in refusal(lambda way=way: inferred(way))  # type: ignore[misc]


def write(task: Task, fill: Any) -> None:
    fill.write(tuple(numpy.zeros(spec.shape, spec.dtype) for spec in task.inputs))


SHAPES: List[Tuple[Dict[str, Any], str]] = [
    ({"datatype": "FP64"}, "is FP64"),
    ({"datatype": "nonsense"}, "is nonsense"),
    ({"shape": []}, "of shape []"),
    ({"shape": [1, 1, 1, 1, 1, 1]}, "of shape [1, 1, 1, 1, 1, 1]"),
    ({"shape": [-1]}, "[-1"),
    ({"shape": [0]}, "[0"),
    ({"shape": [2, -2]}, "of shape [2, -2]"),
    ({"shape": [2**62, 2**62]}, f"[{2**62}, {2**62}"),
    ({"shape": [1] * 40}, "shape: List should have at most 16 items"),
    ({"name": "nothing"}, "There is no input 'nothing'"),
    ({"name": ""}, "There is no input ''"),
]
"""What of an input is wrong, and what is said."""


@every_way
@pytest.mark.parametrize("name", ["classification", "detection", "texts", "own", "tensors"])
def test_an_input_that_does_not_fit(tasks: Dict[str, Any], name: str, way: Way) -> None:
    accepted = Accepted(tasks[name], MOST)
    right = right_tensors(tasks[name])
    assert len(way(accepted, right).items) == 1
    *others, last = right
    for changes, words in SHAPES:
        message = refusal(lambda changes=changes: way(accepted, [*others, last._replace(**changes)]))  # type: ignore[misc]
        counted = "items; a request may hold 1 to 4"  # what is seen first depends on the form
        assert any(one in message for one in (words, counted, "promises")), (changes, message)
        assert repr(changes.get("name", last.name)) in message or "shape: " in message
    assert "is there twice" in refusal(lambda: way(accepted, [*right, last]))
    assert "at least 1 item" in refusal(lambda: way(accepted, []))


def right_tensors(task: Any) -> List[Tensor]:
    if task.element is not None:
        return [Tensor(task.element.name, "BYTES", [1], [b"a dog" if task.element.is_text else picture()])]
    return [
        Tensor(one["name"], one["datatype"], one["shape"], numpy.array(one["data"]).ravel().tolist())
        for one in json_tensors(1)
        if one["datatype"] != "FP16"  # for which gRPC's contents have no field
    ]


NUMBERS = [float("nan"), float("inf"), -float("inf")]


@every_way
def test_what_is_no_number(tasks: Dict[str, Any], way: Way) -> None:
    *others, last = right_tensors(tasks["tensors"])
    assert last.datatype == "FP32"
    for number in NUMBERS:
        values = [number, *last.values[1:]]
        said = refusal(
            lambda values=values: way(  # type: ignore[misc]
                Accepted(tasks["tensors"], MOST), [*others, last._replace(values=values)]
            )
        )
        assert repr(last.name) in said and "no number" in said


@every_way
@pytest.mark.parametrize("name", ["classification", "detection", "texts", "own"])
def test_a_hundred_thousand_items(tasks: Dict[str, Any], name: str, way: Way) -> None:
    task = tasks[name]
    sent = Tensor(task.element.name, "BYTES", [MANY], [b"a"] * MANY)
    said = refusal(lambda: way(Accepted(task, MOST), [sent]))
    assert f"{task.element.name!r} holds {MANY} items; a request may hold 1 to {MOST}" in said
