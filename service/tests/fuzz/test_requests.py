"""Whatever is asked of models of texts and tensors: an item that fits its slot, or a refusal in words."""

from __future__ import annotations

import json
import struct
from typing import Any, Dict, List, Optional

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from support.fuzzing import case, fuzz, judged, mutated
from support.requests import INPUTS, RIGHT, json_tensors, letters_task, spoilt, tensors_task, texts_task

from hotpath.http import v1
from hotpath.http.errors import validated
from hotpath.http.v2.items import Accepted
from hotpath.http.v2.request import Wanted, understand
from hotpath.tasks.datatypes import DTYPES
from hotpath.tasks.task import Ask, Limits, Task
from hotpath.tasks.text import asking

JSON, PLAIN = "application/json", "text/plain"
LIMITS = Limits(pixels=1, items=5)
TENSORS = tensors_task()
ACCEPTED = Accepted(TENSORS, 4)


@pytest.fixture(scope="module", params=["cut", "refuse"])
def texts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return texts_task(tmp_path_factory.mktemp("texts") / "tiny", request.param)


def written(task: Task, ask: Ask) -> bool:
    """Write the items into slots; whether all were taken."""
    assert 1 <= len(ask.fills) <= LIMITS.items + 1  # a query beside its documents
    for fill in ask.fills:
        slot = tuple(numpy.zeros(spec.shape, spec.dtype) for spec in task.inputs)
        units = judged(lambda fill=fill, slot=slot: fill.write(slot))  # type: ignore[misc]
        if units is None:
            return False
        assert 1 <= units <= task.lengths[-1]
    return True


def raw(draw: Any, document: Any) -> bytes:
    """The document as bytes; now and then with some of them changed."""
    escaped = draw(st.booleans())
    body = bytearray(json.dumps(document, ensure_ascii=escaped).encode("utf-8", "surrogatepass"))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3]))):
        if body:
            body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    return bytes(body)


TEXT = st.one_of(
    st.sampled_from(["a dog", "good film .", "dog " * 30, "", " \n", "\ud800", "É😀", "\0", "\u2028"]),
    st.text(max_size=40),
)
BODIES = st.one_of(
    st.builds(lambda text: {"text": text}, TEXT),
    st.builds(lambda text: {"inputs": text}, TEXT),
    st.builds(lambda texts: {"inputs": texts}, st.lists(TEXT, max_size=7)),
)


def vectors(ask: Ask) -> List[bytes]:
    found = numpy.eye(8, dtype="<f4")[numpy.arange(len(ask.fills)) % 8]
    return [row.tobytes() for row in found]


@fuzz(100)
@given(data=st.data(), document=BODIES)
def test_bodies_of_texts(texts: Any, data: st.DataObject, document: Any) -> None:
    case("texts of /predict")
    body = raw(data.draw, spoilt(data.draw, document))
    ask = judged(lambda: texts.asked(body, JSON, {}, LIMITS))
    if ask is not None and written(texts, ask):
        told = ask.describe(vectors(ask))
        json.dumps(told, ensure_ascii=False, allow_nan=False).encode()
        assert texts.answer(**told)


@fuzz(50)
@given(body=st.one_of(st.binary(max_size=60), TEXT.map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_plain_texts(texts: Any, body: bytes) -> None:
    case("texts as they are")
    found = judged(lambda: asking.read(body, PLAIN, LIMITS))
    assert found is None or found == ([body.decode()], False)
    ask = judged(lambda: texts.asked(body, PLAIN, {}, LIMITS))
    assert (ask is None) == (found is None)
    if ask is not None:
        written(texts, ask)
        assert written(texts, Ask([texts.encoded(body, LIMITS)], ask.describe)) == written(texts, ask)


EMBEDDINGS = st.fixed_dictionaries(
    {"input": st.one_of(TEXT, st.lists(TEXT, max_size=7), st.lists(st.integers(), max_size=3))},
    optional={
        "model": st.sampled_from(["tiny", None]),
        "encoding_format": st.sampled_from(["float", "base64"]),
        "dimensions": st.sampled_from([8, 8, None, 4]),
        "user": TEXT,
    },
)
DOCUMENT = st.one_of(TEXT, st.builds(lambda text: {"text": text}, TEXT))
RERANK = st.fixed_dictionaries(
    {"query": TEXT, "documents": st.lists(DOCUMENT, max_size=7)},
    optional={"top_n": st.integers(-1, 9), "return_documents": st.booleans()},
)


def asked(texts: Any, path: str, body: bytes) -> Optional[BaseModel]:
    """The answer to a body below /v1, as the route makes it; None where it was refused."""
    interface = texts.interfaces[path]
    ask = judged(lambda: interface.asked(validated(interface.request, v1._parse(body), "See /docs."), LIMITS))
    if ask is None or not written(texts, ask):
        return None
    told = ask.describe(vectors(ask))
    json.dumps(told, ensure_ascii=False, allow_nan=False).encode()
    found: BaseModel = interface.answer.model_validate(told)
    return found


@fuzz(100)
@given(data=st.data(), document=EMBEDDINGS)
def test_embeddings(texts: Any, data: st.DataObject, document: Dict[str, Any]) -> None:
    case("/v1/embeddings")
    asked(texts, "embeddings", raw(data.draw, spoilt(data.draw, document)))


@fuzz(100)
@given(data=st.data(), document=RERANK)
def test_rankings(texts: Any, data: st.DataObject, document: Dict[str, Any]) -> None:
    case("/v1/rerank")
    asked(texts, "rerank", raw(data.draw, spoilt(data.draw, document)))


@fuzz(200)
@given(data=st.data())
def test_tensors_of_predict(data: st.DataObject) -> None:
    case("tensors of /predict")
    body = raw(data.draw, spoilt(data.draw, {"inputs": RIGHT}))
    ask = judged(lambda: TENSORS.asked(body, JSON, {}, LIMITS))
    assert ask is None or written(TENSORS, ask)


def elements_of(task: Task, body: bytes, header: Optional[str]) -> Optional[List[bytes]]:
    """The elements of a request that was understood, each of which the task has taken or refused."""
    wanted = judged(lambda: understand(body, header, Accepted(task, 4)))
    if wanted is None:
        return None
    assert 1 <= len(wanted.items) <= 4
    elements = [item for item in wanted.items if isinstance(item, bytes)]
    for element in elements:
        fill = judged(lambda element=element: task.encoded(element, LIMITS))  # type: ignore[misc]
        if fill is not None:
            written(task, Ask([fill], lambda answers: {}))
    return elements


LETTERS = letters_task()


@fuzz(100)
@given(data=st.data(), sent=st.lists(TEXT, min_size=1, max_size=4), tail=st.binary(max_size=8))
def test_elements(texts: Any, data: st.DataObject, sent: List[str], tail: bytes) -> None:
    case("texts of /v2")
    task = data.draw(st.sampled_from([texts, LETTERS]))
    tensor: Dict[str, Any] = {"name": "text", "datatype": "BYTES", "shape": [len(sent)], "data": sent}
    elements_of(task, raw(data.draw, spoilt(data.draw, {"inputs": [tensor]})), None)
    encoded = [text.encode("utf-8", "surrogatepass") for text in sent]
    packed = mutated(b"".join(struct.pack("<I", len(one)) + one for one in encoded), data.draw, most=1)
    del tensor["data"]
    tensor["parameters"] = {"binary_data_size": len(packed)}
    header = json.dumps({"inputs": [tensor]}).encode()
    elements_of(task, header + packed, str(len(header)))
    assert elements_of(task, encoded[0] + tail, "0") == [encoded[0] + tail]


def understood(body: bytes, header: Optional[str]) -> Optional[Wanted]:
    wanted = judged(lambda: understand(body, header, ACCEPTED))
    if wanted is None:
        return None
    assert 1 <= len(wanted.items) <= ACCEPTED.most
    for item in wanted.items:
        for spec, array in zip(INPUTS, item):
            assert array.dtype == spec.dtype and len(array.shape) == len(spec.shape)
            assert array.shape == spec.shape or (spec.varies and 1 <= array.shape[0] <= spec.shape[0])
            assert array.dtype.kind != "f" or numpy.isfinite(array).all()
    assert isinstance(wanted, Wanted)
    return wanted


@fuzz(200)
@given(data=st.data(), count=st.integers(0, 5))
def test_tensors_of_every_datatype_in_json(data: st.DataObject, count: int) -> None:
    case("tensors of /v2 in JSON")
    understood(raw(data.draw, spoilt(data.draw, {"id": "1", "inputs": json_tensors(count)})), None)


@fuzz(200)
@given(data=st.data(), count=st.integers(1, 4), tail=st.binary(max_size=40))
def test_tensors_of_every_datatype_in_binary(data: st.DataObject, count: int, tail: bytes) -> None:
    case("tensors of /v2 in binary")
    tensors, binary = json_tensors(count), b""
    for tensor in tensors:
        if data.draw(st.integers(0, 3)):
            packed = numpy.array(tensor.pop("data"), DTYPES[tensor["datatype"]]).tobytes()
            if data.draw(st.integers(0, 9)) == 0:  # what floating-point numbers can be besides numbers
                packed = b"\xff" * len(packed)
            tensor["parameters"] = {"binary_data_size": len(packed)}
            binary += packed
    document = spoilt(data.draw, {"inputs": tensors}, most=1)
    text = raw(data.draw, document)
    understood(text + binary + (tail if data.draw(st.integers(0, 9)) == 0 else b""), str(len(text)))


def test_the_seeds_are_accepted(texts: Any) -> None:
    """So that the fuzzing starts from what reaches the depths."""
    for document in ({"text": "a dog"}, {"inputs": ["a dog", "dogs"]}):
        assert written(texts, texts.asked(json.dumps(document).encode(), JSON, {}, LIMITS))
    assert asked(texts, "embeddings", b'{"input": ["a dog", "dogs"], "encoding_format": "base64"}')
    assert asked(texts, "rerank", b'{"query": "a dog", "documents": ["dogs", {"text": "a film"}]}')
    tensors = json.dumps({"inputs": RIGHT}).encode()
    assert written(TENSORS, TENSORS.asked(tensors, JSON, {}, LIMITS))
    wanted = understood(json.dumps({"inputs": json_tensors(2)}).encode(), None)
    assert wanted is not None and len(wanted.items) == 2
    element = {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["a dog"]}
    for task in (texts, LETTERS):
        assert elements_of(task, json.dumps({"inputs": [element]}).encode(), None) == [b"a dog"]
