"""Models of plain tensors, and tasks of users' own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, List

import numpy
import pytest
from support.numbers import SUM, body, letters, write_source

from hotpath.building.build import build
from hotpath.core import EngineSpec, InputError, ModelError
from hotpath.engine.factory import create
from hotpath.models.built import BuiltModel, load
from hotpath.tasks import known
from hotpath.tasks.task import Limits, Task
from hotpath.tasks.tensors.expected import differences

LIMITS = Limits(1000, 4)


@pytest.fixture(scope="module")
def sums(tmp_path_factory: pytest.TempPathFactory) -> BuiltModel:
    directory = tmp_path_factory.mktemp("sums")
    return build(write_source(directory / "source"), directory / "models")[0]


def answered(model: BuiltModel, request: bytes, kind: str = "application/json") -> Any:
    task = known.task(model)
    ask = task.asked(request, kind, {}, LIMITS)
    engine = create("numeric")
    engine.load(model, EngineSpec(0, "m", model.directory, "cpu", "numeric", 1, 4, ()))
    items = []
    for fill in ask.fills:
        slot = tuple(numpy.zeros(spec.shape, spec.dtype) for spec in task.inputs)
        fill.write(slot)
        items.append(slot)
    return ask.describe(task.pack(engine.finish(engine.launch(items))))


def test_tensors_go_in_and_come_out_by_name(sums: BuiltModel) -> None:
    found = answered(sums, body(a=[0.5, 3], b=[1, 1]))
    assert found == {"outputs": {"sum": [3.0, 8.0], "above": [False, True]}}


def test_columns_hold_every_items_values(sums: BuiltModel) -> None:
    task = known.task(sums)
    answers = task.pack((numpy.array([[1, 2], [3, 4]], "float32"), numpy.array([[True, False]] * 2)))
    fill = task.asked(body(a=[1, 2], b=[1, 2]), "application/json", {}, LIMITS).fills[0]
    items = [(fill, answer) for answer in answers]
    assert list(task.column("sum", items)) == [1.0, 2.0, 3.0, 4.0]
    assert list(task.column("above", items)) == [True, False, True, False]
    assert (task.columns["sum"].datatype, task.columns["above"].shape) == ("FP32", (2,))


@pytest.mark.parametrize(
    ("request_body", "words"),
    [
        (b"", "The body can't be read"),
        (b"[]", "no object with the key 'inputs'"),
        (b'{"inputs": 5}', "no object with the key 'inputs'"),
        (b'{"inputs": "ab"}', "no object with the key 'inputs'"),
        (b'{"inputs": ["a", "b"]}', "no object with the key 'inputs'"),
        (b'{"inputs": {"a": [1, 2], "b": ' + b"[" * 70 + b"1" + b"]" * 70 + b"}}", "nested evenly"),
        (body(a=[1, 2]), "'b' is missing"),
        (body(a=[1, 2], b=[1, 2], c=[1]), "'c' is unknown"),
        (body(a=[1, 2], b=[1, 2, 3]), "'b' is float32 of shape [3]; the model takes float32 of shape [2]"),
        (body(a=[1, 2], b=[[1], [2]]), "'b' is float32 of shape [2, 1]"),
        (body(a=[1, 2], b=[[1, 2], [3]]), "'b' holds something other than float32 numbers"),
        (body(a=[1, 2], b=["1", 2]), "'b' holds something other than float32 numbers"),
        (body(a=[1, 2], b=[True, 2]), "'b' holds something other than float32 numbers"),
        (body(a=[1, 2], b=[1e300, 2]), "'b' holds what is no number"),
        (b'{"inputs": {"a": [1, 2], "b": [NaN, 2]}}', "'b' holds what is no number"),
        (body(a=5, b=[1, 2]), "'a' is float32 of shape []"),
        (body(a=[1, 10**400], b=[1, 2]), "'a' holds something other than float32 numbers"),
    ],
)
def test_what_is_wrong_with_a_request_is_named(sums: BuiltModel, request_body: bytes, words: str) -> None:
    with pytest.raises(InputError) as caught:
        known.task(sums).asked(request_body, "application/json", {}, LIMITS)
    assert caught.value.status == 400
    assert words in caught.value.message
    assert caught.value.remedy


def test_a_users_own_task_reads_and_describes_for_itself(tmp_path: Path) -> None:
    model = build(letters(tmp_path / "source"), tmp_path / "models")[0]
    assert answered(model, b"Mississippi", "text/plain") == {"letter": "i"}
    with pytest.raises(InputError, match="not ASCII"):
        known.task(model).asked("ü".encode(), "text/plain", {}, LIMITS)
    outline = known.outline(model)
    assert outline.slot_bytes == 26 * 4
    probe = outline.probes()[0]
    assert (probe.content_type, probe.body) == ("text/plain", b"Hannah")
    assert probe.read({"letter": "a", "more": 1}) == ("letter = a", "")
    assert "'b', and 'a' is expected" in probe.read({"letter": "b"})[1]


def test_several_items_are_answered_together(tmp_path: Path) -> None:
    code = (
        SUM
        + """
import json
from hotpath.tasks.own import OwnTask


class Task(OwnTask):
    def read(self, body, kind, options):
        return [(numpy.float32(pair), numpy.float32(pair)) for pair in json.loads(body)]
"""
    )
    model = build(
        write_source(tmp_path / "source", code, b"[[1, 2]]", "{ outputs = { sum = [4, 8] } }"),
        tmp_path / "models",
    )[0]
    found = answered(model, b"[[1, 2], [3, 4]]")
    assert [one["outputs"]["sum"] for one in found["answers"]] == [[4.0, 8.0], [12.0, 16.0]]
    with pytest.raises(InputError, match="holds 5 items; 1 to 4"):
        known.task(model).asked(json.dumps([[1, 2]] * 5).encode(), "application/json", {}, LIMITS)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"expect": "{ outputs = { sum = [8.0, 7.0] } }"},
            r"outputs\.sum\[1\] is 6\.0, and 7\.0 is expected",
        ),
        ({"body": b'{"inputs": {}}'}, "The probe probe.bin can't be read: Of the inputs, 'a' is missing"),
        ({"code": "1/0"}, "code.py can't be run: ZeroDivisionError"),
        ({"code": "x = 1"}, "code.py has no 'network'"),
        ({"code": SUM + "\nclass Task: pass\n"}, "is no subclass of OwnTask"),
    ],
)
def test_a_source_that_does_not_fit_is_refused_and_leaves_nothing(
    tmp_path: Path, changes: Any, words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        build(write_source(tmp_path / "source", **changes), tmp_path / "models")
    assert list((tmp_path / "models" / "sums").iterdir()) == []


def test_code_is_hashed_and_decides_about_the_version(tmp_path: Path) -> None:
    first = build(write_source(tmp_path / "a"), tmp_path / "models")[0]
    second = build(write_source(tmp_path / "b", SUM + "\n# another\n"), tmp_path / "models")[0]
    assert first.identity.version != second.identity.version
    assert not known.outline(first).same_input(known.outline(second))
    (first.directory / "code.py").write_text("1/0")
    with pytest.raises(ModelError, match=r"code\.py has SHA-256"):
        load(first.directory)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('inputs = [{ name = "a", dtype = "float64", shape = [2] }]', "inputs.0.dtype"),
        ('inputs = [{ name = "a", dtype = "int32", shape = [0] }]', "each length is at least 1"),
        (
            'inputs = [{ name = "a", dtype = "int32", shape = [], varies = true }]',
            "a single number can't vary",
        ),
        (
            'inputs = [{ name = "a", dtype = "int32", shape = [8], varies = true }]',
            "numeric network can't vary",
        ),
        ("inputs = []", "inputs = []"),
    ],
)
def test_tensors_that_can_not_be_are_named(tmp_path: Path, line: str, words: str) -> None:
    lines = (line, 'outputs = [{ name = "o", dtype = "float32", shape = [2] }]')
    with pytest.raises(ModelError) as caught:
        build(write_source(tmp_path / "source", lines=lines), tmp_path / "models")
    assert words in str(caught.value)


def test_answers_are_compared_number_by_number() -> None:
    expect = {"a": [1.0, 100.0], "b": "x", "c": True}
    assert not [*differences(expect, {"a": [1.0005, 100.05], "b": "x", "c": True, "d": 1}, 1e-3)]
    found: List[str] = [*differences(expect, {"a": [1.1, float("nan")], "b": "y", "c": 1}, 1e-3)]
    assert [text.split(" is ")[0] for text in found] == ["a[0]", "a[1]", "b", "c"]


def test_versions_agree_within_the_tolerance(sums: BuiltModel) -> None:
    task: Task = known.task(sums)

    def say(value: float, above: bool) -> bytes:
        return task.pack((numpy.array([[value, 0]], "float32"), numpy.array([[above, True]])))[0]

    assert task.agrees(say(1.0, True), task, say(1.005, True))
    assert not task.agrees(say(1.0, True), task, say(1.1, True))
    assert not task.agrees(say(1.0, True), task, say(1.0, False))
