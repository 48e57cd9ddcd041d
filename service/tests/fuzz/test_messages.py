"""Whatever a message holds: gRPC's reader gives a value or a refusal, never another exception."""

from __future__ import annotations

from typing import Any, Dict, Optional

import numpy
from hypothesis import given
from hypothesis import strategies as st
from support.classifying import task_of
from support.fuzzing import case, fuzz, mutated
from support.messages import filled
from support.tensors import accepting

from hotpath.http.errors import Problem
from hotpath.http.grpc.codes import details_of
from hotpath.http.grpc.messages import message
from hotpath.http.grpc.reading import InferRequest, parse, understand
from hotpath.http.grpc.wire import fields
from hotpath.http.v2.items import Accepted
from hotpath.http.v2.request import Wanted
from hotpath.tasks.task import Element

IMAGES = Accepted(task_of((4, 4, 3)), 4)
EVERY = (IMAGES, accepting(), accepting(Element("text", is_text=True)))

INT32, INT64 = st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)
PARAMETER = st.one_of(
    st.fixed_dictionaries({"bool_param": st.booleans()}),
    st.fixed_dictionaries({"int64_param": st.sampled_from([0, 1, -1, 9, 10]) | INT64}),
    st.fixed_dictionaries({"uint64_param": st.integers(0, 2**64 - 1)}),
    st.fixed_dictionaries({"string_param": st.text(max_size=5)}),
    st.fixed_dictionaries({"double_param": st.floats()}),
    st.just({}),
)
NAMES = st.sampled_from(
    [
        "timeout",
        "priority",
        "sequence_id",
        "binary_data_size",
        "binary_data_output",
        "classification",
        "shared_memory_region",
        "x",
    ]
)
PARAMETERS = st.dictionaries(NAMES, PARAMETER, max_size=2)
CONTENTS = st.fixed_dictionaries(
    {},
    optional={
        "bool_contents": st.lists(st.booleans(), max_size=4),
        "int_contents": st.lists(INT32, max_size=4),
        "int64_contents": st.lists(INT64, max_size=4),
        "uint_contents": st.just([1] * 48) | st.lists(st.integers(0, 2**32 - 1), max_size=4),
        "uint64_contents": st.lists(st.integers(0, 2**64 - 1), max_size=2),
        "fp32_contents": st.lists(st.floats(width=32), max_size=4),
        "fp64_contents": st.lists(st.floats(), max_size=2),
        "bytes_contents": st.lists(st.binary(max_size=8), max_size=4),
    },
)
SHAPES = st.sampled_from([[], [1], [2], [1, 1], [1, 4, 4, 3], [1, 2], [2, 2], [1, 3], [-1], [0], [2**62] * 3])
TENSORS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["image", "bool", "float32", "words", "text", ""]),
        "datatype": st.sampled_from(["BYTES", "UINT8", "BOOL", "FP16", "FP32", "INT64", "FP64", ""]),
        "shape": SHAPES | st.lists(INT64, max_size=18),
    },
    optional={"contents": CONTENTS, "parameters": PARAMETERS},
)
REQUESTS = st.fixed_dictionaries(
    {"inputs": st.lists(TENSORS, max_size=3)},
    optional={
        "model_name": st.text(max_size=5),
        "id": st.text(max_size=5),
        "parameters": PARAMETERS,
        "outputs": st.lists(
            st.fixed_dictionaries(
                {"name": st.sampled_from(["scores", "labels", "a", ""])}, optional={"parameters": PARAMETERS}
            ),
            max_size=3,
        ),
        "raw_input_contents": st.lists(st.binary(max_size=60), max_size=3),
    },
)


def understood(content: bytes, accepted: Accepted) -> Optional[Wanted]:
    try:
        wanted = understand(parse(InferRequest, content), accepted)
    except Problem as problem:
        assert problem.status in (400, 413) and problem.message and problem.remedy
        details_of(problem).encode("utf-8")
        return None
    assert 1 <= len(wanted.items) <= accepted.most and wanted.outputs
    for item in wanted.items:
        assert isinstance(item, bytes) or [str(array.dtype) for array in item] == [
            spec.dtype for spec in accepted.task.inputs
        ]
    return wanted


@fuzz(400)
@given(data=st.data(), request=REQUESTS)
def test_requests(data: st.DataObject, request: Dict[str, Any]) -> None:
    case("gRPC inference request")
    content = filled(InferRequest(), request).SerializeToString()
    for accepted in EVERY:
        understood(content, accepted)
    understood(mutated(content, data.draw), IMAGES)


@fuzz(200)
@given(data=st.data(), raw=st.booleans())
def test_requests_that_are_nearly_right(data: st.DataObject, raw: bool) -> None:
    case("gRPC inference request")
    pixels = numpy.arange(48, dtype=numpy.uint8)
    tensor: Dict[str, Any] = {"name": "image", "datatype": "UINT8", "shape": [1, 4, 4, 3]}
    request: Dict[str, Any] = {"model_name": "m", "inputs": [tensor]}
    if raw:
        request["raw_input_contents"] = [pixels.tobytes()]
    else:
        tensor["contents"] = {"uint_contents": pixels.tolist()}
    content = filled(InferRequest(), request).SerializeToString()
    wanted = understood(content, IMAGES)
    assert wanted is not None and wanted.items[0][0].ravel().tolist() == pixels.tolist()  # type: ignore[union-attr]
    understood(mutated(content, data.draw), IMAGES)


@fuzz(200)
@given(content=st.binary(max_size=300))
def test_anything_as_a_message(content: bytes) -> None:
    case("gRPC message")
    understood(content, IMAGES)
    assert sum(size for _, size in fields(content)) <= len(content)
    try:
        parse(message("ModelMetadataRequest"), content)
    except Problem as problem:
        assert problem.status == 400
