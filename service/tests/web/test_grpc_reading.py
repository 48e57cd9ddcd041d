"""Messages are understood as the same request over HTTP is, or refused in clear words."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Sequence, Tuple

import numpy
import pytest
from support.classifying import task_of
from support.messages import filled
from support.tensors import accepting

from hotpath.http.errors import Problem
from hotpath.http.grpc.codes import code_of, details_of, metadata_of
from hotpath.http.grpc.contents import FIELDS, in_binary
from hotpath.http.grpc.reading import MOST_FIELDS, MOST_PARSED, InferRequest, parse, understand
from hotpath.http.grpc.wire import fields
from hotpath.http.v2 import request as over_http
from hotpath.http.v2.answer import packed
from hotpath.http.v2.items import Accepted
from hotpath.tasks.datatypes import DTYPES, NAMES

NUMBERS = accepting()
IMAGES = Accepted(task_of((2, 3, 3)), 4)
VALUES: Dict[str, List[Any]] = {
    "BOOL": [True, False],
    "UINT8": [0, 255],
    "INT32": [-(2**31), 2**31 - 1],
    "INT64": [-(2**63), 2**63 - 1],
    "FP16": [0.5, -65504.0],
    "FP32": [0.25, -1e38],
}


def tensors(contents: bool) -> Tuple[List[Dict[str, Any]], List[bytes]]:
    """An item of every kind of number, and the raw contents of it."""
    inputs, raw = [], []
    for spec in NUMBERS.task.inputs:
        datatype = NAMES[spec.dtype]
        values = [7, 8, 9] if spec.varies else VALUES[datatype]
        tensor: Dict[str, Any] = {"name": spec.name, "datatype": datatype, "shape": [1, len(values)]}
        if contents:
            tensor["contents"] = {FIELDS[datatype][0]: values} if datatype in FIELDS else {}
        inputs.append(tensor)
        raw.append(numpy.array(values, DTYPES[datatype]).tobytes())
    return inputs, raw


def read(accepted: Accepted = NUMBERS, **request: Any) -> over_http.Wanted:
    return understand(parse(InferRequest, filled(InferRequest(), request).SerializeToString()), accepted)


def refusal(accepted: Accepted = NUMBERS, **request: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        read(accepted, **request)
    return caught.value


def test_raw_tensors_of_every_kind_arrive_exactly() -> None:
    inputs, raw = tensors(contents=False)
    (item,) = read(inputs=inputs, raw_input_contents=raw).items
    for spec, array in zip(NUMBERS.task.inputs, item):
        expected = [7, 8, 9] if spec.varies else VALUES[NAMES[spec.dtype]]
        assert isinstance(array, numpy.ndarray) and (str(array.dtype), array.tolist()[:1]) == (
            spec.dtype,
            numpy.array(expected, spec.dtype).tolist()[:1],
        )


def test_half_precision_goes_raw_alone_and_all_other_kinds_in_contents_too() -> None:
    inputs, raw = tensors(contents=True)
    half = next(tensor for tensor in inputs if tensor["datatype"] == "FP16")
    assert "holds 0 bytes" in refusal(inputs=inputs).message
    half["contents"] = {"fp32_contents": [0.5, 1.0]}
    assert "has no field for" in refusal(inputs=inputs).message
    half["contents"] = {}
    values = dict(zip([tensor["name"] for tensor in inputs], raw))
    for tensor in inputs:
        if tensor is not half:
            message = InferRequest.InferInputTensor(**tensor)
            assert in_binary(message) == values[tensor["name"]]


def test_what_is_asked_for_is_what_http_understands() -> None:
    text = {
        "id": "7",
        "parameters": {"priority": 2, "timeout": 1500, "binary_data_output": True},
        "inputs": [
            {
                "name": "image",
                "datatype": "BYTES",
                "shape": [2, 1],
                "parameters": {"binary_data_size": 11},
            }
        ],
        "outputs": [{"name": "scores"}],
    }
    raw = packed("BYTES", ["ab", "c"])
    header = json.dumps(text).encode()
    expected = over_http.understand(header + raw, str(len(header)), IMAGES)
    request: Dict[str, Any] = {
        "id": "7",
        "parameters": {"priority": {"uint64_param": 2}, "timeout": {"int64_param": 1500}},
        "inputs": [{"name": "image", "datatype": "BYTES", "shape": [2, 1]}],
        "outputs": [{"name": "scores"}],
    }
    assert read(IMAGES, **request, raw_input_contents=[raw]) == expected
    request["inputs"][0]["contents"] = {"bytes_contents": [b"ab", b"c"]}
    assert read(IMAGES, **request) == expected


def test_parameters_that_are_unknown_or_of_http_alone_are_passed_over() -> None:
    parameters = {
        "colour": {"string_param": "blue"},
        "binary_data_output": {"string_param": "no"},
        "timeout": {},
    }
    tensor = {
        "name": "image",
        "datatype": "BYTES",
        "shape": [1],
        "parameters": {"binary_data_size": {"int64_param": 99}},
    }
    wanted = read(IMAGES, inputs=[tensor], parameters=parameters, raw_input_contents=[packed("BYTES", ["a"])])
    assert wanted.items == (b"a",) and wanted.timeout_s is None and wanted.id is None
    assert wanted.outputs == (("classes", True), ("scores", True), ("labels", True))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_what_is_no_number_is_refused(number: float, dtype: str) -> None:
    inputs, raw = tensors(contents=False)
    place = [tensor["name"] for tensor in inputs].index(dtype)
    raw[place] = numpy.array([0.0, number], dtype).tobytes()
    assert "no number, or infinite" in refusal(inputs=inputs, raw_input_contents=raw).message


def changed(changes: Dict[str, Any]) -> Problem:
    inputs, raw = tensors(contents=False)
    for tensor in inputs:
        if tensor["name"] == "int32":
            tensor.update(changes)
    return refusal(inputs=inputs, raw_input_contents=raw)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"datatype": "FP32"}, "'int32' is FP32 of shape [1, 2]"),
        ({"datatype": "x" * 1000}, "'int32' is xxx"),
        ({"shape": [1, 3]}, "'int32' is INT32 of shape [1, 3]"),
        ({"shape": [1, -2]}, "of shape [1, -2]"),
        ({"shape": [-1, 2]}, "holds -1 items"),
        ({"shape": [5, 2]}, "holds 5 items; a request may hold 1 to 4"),
        ({"shape": [2, 2]}, "holds 8 bytes, but INT32 [2, 2] takes 16"),
        ({"shape": [1] * 17}, "inputs.2.shape: List should have at most 16"),
        ({"shape": [-(2**63), 2**63 - 1]}, "of shape [-9223372036854775808, 9223372036854775807]"),
        ({"name": "int64"}, "The input 'int64' is there twice"),
        ({"name": "other"}, "There is no input 'other'"),
        ({"parameters": {"shared_memory_region": {"string_param": "r"}}}, "Shared memory is not supported"),
    ],
)
def test_what_is_wrong_with_an_input_is_named(changes: Dict[str, Any], words: str) -> None:
    problem = changed(changes)
    assert problem.status == 400 and words in problem.message and problem.remedy


def test_a_missing_input_is_named() -> None:
    inputs, raw = tensors(contents=False)
    problem = refusal(inputs=inputs[1:], raw_input_contents=raw[1:])
    assert "The input 'bool' is missing" in problem.message


def test_raw_contents_come_for_all_inputs_or_for_none() -> None:
    inputs, raw = tensors(contents=False)
    assert "7 inputs and 6 'raw" in refusal(inputs=inputs, raw_input_contents=raw[1:]).message
    inputs[0]["contents"] = {"bool_contents": [True, False]}
    assert "'contents' too" in refusal(inputs=inputs, raw_input_contents=raw).message


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ({"uint_contents": [1]}, "holds 1 elements, and its shape [1, 2, 3, 3] promises 18"),
        ({"uint_contents": [256] * 18}, "holds more than UINT8 can"),
        ({"int_contents": [1] * 18}, "is UINT8 and has int_contents"),
        ({"uint_contents": [1] * 18, "int_contents": [1]}, "has int_contents, uint_contents"),
    ],
)
def test_contents_that_do_not_fit_are_named(contents: Dict[str, List[int]], words: str) -> None:
    tensor = {"name": "image", "datatype": "UINT8", "shape": [1, 2, 3, 3], "contents": contents}
    assert words in refusal(IMAGES, inputs=[tensor]).message


def test_numbers_beyond_any_count_are_no_shape() -> None:
    tensor = {"name": "image", "datatype": "BYTES", "shape": [2**62] * 16, "contents": {}}
    assert "promises" in refusal(IMAGES, inputs=[tensor]).message


def test_too_many_tensors_are_refused() -> None:
    many = [{"name": "image", "datatype": "BYTES", "shape": [1]}] * 70
    assert "inputs: List should have at most 64" in refusal(IMAGES, inputs=many).message


def encoded(number: int, value: bytes) -> bytes:
    size = b""
    left = len(value)
    while left > 127:
        size += bytes([left & 127 | 128])
        left >>= 7
    return bytes([number << 3 | 2]) + size + bytes([left]) + value


def test_only_raw_tensors_may_be_large() -> None:
    large = b"\0" * (MOST_PARSED + 1)
    assert len(parse(InferRequest, encoded(7, large)).raw_input_contents[0]) == len(large)
    for content in (encoded(3, large), encoded(5, b"\x2a" + encoded(8, large)[1:]), large):
        with pytest.raises(Problem) as caught:
            parse(InferRequest, content)
        assert caught.value.status == 413 and "raw_input_contents" in caught.value.message
    small_parts = encoded(5, b"") * (MOST_PARSED // 2 + 1)
    with pytest.raises(Problem, match=f"more than {MOST_FIELDS} parts"):
        parse(InferRequest, small_parts)


def test_fields_are_told_up_to_what_is_none() -> None:
    message = InferRequest(model_name="m", raw_input_contents=[b"abc", b""]).SerializeToString()
    assert list(fields(message)) == [(1, 1), (7, 3), (7, 0)]
    assert list(fields(message + b"\x08\x96\x01" + b"\x11" + b"\0" * 8 + b"\x1d" + b"\0" * 4)) == [
        (1, 1),
        (7, 3),
        (7, 0),
        (1, 2),
        (2, 8),
        (3, 4),
    ]
    for broken in (b"\x3a\x05abc", b"\x3b", b"\x3a", b"\xff" * 11, b"\x08\xff"):
        assert list(fields(message + broken)) == [(1, 1), (7, 3), (7, 0)]


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (400, "invalid_request", "INVALID_ARGUMENT"),
        (400, "not_supported", "UNIMPLEMENTED"),
        (401, "unauthorized", "UNAUTHENTICATED"),
        (403, "forbidden", "PERMISSION_DENIED"),
        (404, "unknown_model", "NOT_FOUND"),
        (408, "body_timeout", "DEADLINE_EXCEEDED"),
        (413, "image_too_large", "INVALID_ARGUMENT"),
        (415, "unknown_format", "INVALID_ARGUMENT"),
        (422, "corrupt_image", "INVALID_ARGUMENT"),
        (429, "busy", "RESOURCE_EXHAUSTED"),
        (500, "inference_failed", "INTERNAL"),
        (503, "not_ready", "UNAVAILABLE"),
        (504, "request_timeout", "DEADLINE_EXCEEDED"),
    ],
)
def test_each_refusal_has_its_code(status: int, code: str, told: str) -> None:
    problem = Problem(status, code, "m" * 5000, "Way out.", {"Retry-After": "3"})
    assert code_of(problem).name == told
    assert len(details_of(problem)) < 2100 and details_of(problem).endswith("… Way out.")
    pairs: Sequence[Tuple[str, str]] = metadata_of(problem)
    assert dict(pairs) == {"hotpath-code": code, "retry-after": "3", "grpc-retry-pushback-ms": "3000"}
