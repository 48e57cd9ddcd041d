"""The inference protocol's requests are understood however they are written, or refused in clear words."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any, Dict, List, Optional

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.classifying import task_of

from hotpath import json_text
from hotpath.http.errors import Problem
from hotpath.http.v2.items import Accepted
from hotpath.http.v2.request import Wanted, understand
from hotpath.http.v2.schema import INFER_REQUEST

ACCEPTED = Accepted(task_of((2, 3, 3)), 4)
ALL_JSON = (("classes", False), ("scores", False), ("labels", False))
ALL_BINARY = (("classes", True), ("scores", True), ("labels", True))


def document(**changes: Any) -> Dict[str, Any]:
    tensor = {
        "name": "image",
        "datatype": "BYTES",
        "shape": [1],
        "data": ["YQ=="],
        **changes.pop("input", {}),
    }
    return {"inputs": [{key: value for key, value in tensor.items() if value is not None}], **changes}


def read(content: Any, binary: bytes = b"") -> Wanted:
    text = json.dumps(content).encode()
    return understand(text + binary, str(len(text)) if binary else None, ACCEPTED)


def refusal(body: bytes, header: Optional[str]) -> Problem:
    with pytest.raises(Problem) as caught:
        understand(body, header, ACCEPTED)
    return caught.value


def packed(elements: List[bytes]) -> bytes:
    return b"".join(struct.pack("<I", len(element)) + element for element in elements)


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4), st.booleans())
def test_encoded_images_arrive_exactly_in_json_and_in_binary(images: List[bytes], column: bool) -> None:
    shape = [len(images), 1] if column else [len(images)]
    text: Any = [base64.b64encode(image).decode() for image in images]
    in_json = read(document(input={"shape": shape, "data": text}))
    nested = read(document(input={"shape": [len(images), 1], "data": [[item] for item in text]}))
    size = {"binary_data_size": len(packed(images))}
    in_binary = read(document(input={"shape": shape, "data": None, "parameters": size}), packed(images))
    assert in_json.items == nested.items == in_binary.items == tuple(images)


@given(st.integers(1, 4), st.binary(min_size=72, max_size=72))
def test_pixels_arrive_exactly_flat_nested_and_in_binary(count: int, values: bytes) -> None:
    pixels = numpy.frombuffer(values, dtype=numpy.uint8).reshape(4, 2, 3, 3)[:count]
    tensor = {"datatype": "UINT8", "shape": [count, 2, 3, 3]}
    size = {"binary_data_size": pixels.nbytes}
    for wanted in (
        read(document(input={**tensor, "data": pixels.tolist()})),
        read(document(input={**tensor, "data": pixels.reshape(-1).tolist()})),
        read(document(input={**tensor, "data": None, "parameters": size}), pixels.tobytes()),
    ):
        assert [numpy.asarray(image).tolist() for (image,) in wanted.items] == pixels.tolist()


@pytest.mark.parametrize("image", [b"", b"a", b"ab", b"abc", bytes(range(256)) * 3, b"\xfb\xff\xfe" * 40])
def test_base64_is_read_as_libraries_write_it(image: bytes) -> None:
    standard, for_urls = base64.b64encode(image), base64.urlsafe_b64encode(image)
    lines = base64.encodebytes(image)
    forms = [standard, for_urls, standard.rstrip(b"="), for_urls.rstrip(b"="), lines]
    forms += [lines.replace(b"\n", b"\r\n"), b" " + standard + b"\t\n", lines.replace(b"=", b"=\n")]
    for form in forms:
        assert read(document(input={"data": [form.decode()]})).items == (image,), form


@pytest.mark.parametrize(
    "text", ["YQ==YQ==", "Y", "YQ===", "YQ==!", "Y.Q=", "=YQ=", "YWJj=YWJj", "\u0661\u0661"]
)
def test_what_is_near_base64_is_still_refused(text: str) -> None:
    content = json.dumps(document(input={"data": [text]})).encode()
    assert "The element 0 of the input 'image' is no base64" in refusal(content, None).message


def test_null_is_as_good_as_leaving_a_field_out() -> None:
    part = {"binary_data_size": None, "shared_memory_region": None, "other": None}
    asked = {"name": "labels", "parameters": {"binary_data": None, "classification": None}}
    plain = read(document(outputs=[{"name": "labels"}]))
    names = ("binary_data_output", "priority", "timeout", "sequence_id", "sequence_start", "other")
    for content in (
        document(outputs=[asked], id=None, parameters=None, input={"parameters": part}),
        document(outputs=[{"name": "labels", "parameters": None}], parameters={name: None for name in names}),
    ):
        content["inputs"][0].setdefault("parameters", None)
        assert read(content) == plain
    assert read({**document(), "outputs": None}) == read(document())
    size = {"binary_data_size": 5}
    binary = document(input={"parameters": size})
    binary["inputs"][0]["data"] = None
    assert read(binary, packed([b"a"])).items == (b"a",)


@pytest.mark.parametrize("name", ["name", "datatype", "shape"])
def test_null_in_a_field_that_must_be_there_is_named(name: str) -> None:
    content = document()
    content["inputs"][0][name] = None
    assert f"inputs.0.{name}: Field required" in refusal(json.dumps(content).encode(), None).message


def test_null_is_described() -> None:
    schema = INFER_REQUEST["requestBody"]["content"]["application/json"]["schema"]
    null = {"type": "null"}
    timeout = schema["properties"]["parameters"]["anyOf"][0]["properties"]["timeout"]
    assert null in timeout["anyOf"] and timeout["anyOf"][0]["type"] == "integer" and timeout["description"]
    assert "anyOf" not in schema["properties"]["inputs"]


def test_a_header_length_of_zero_makes_the_body_the_image() -> None:
    assert understand(b"\xff\xd8", "0", ACCEPTED) == Wanted((b"\xff\xd8",), ALL_BINARY)


def test_outputs_say_for_themselves_whether_they_are_binary_or_the_request_does() -> None:
    assert read(document()).outputs == ALL_JSON
    assert read(document(parameters={"binary_data_output": True})).outputs == ALL_BINARY
    outputs = [{"name": "labels", "parameters": {"binary_data": False}}, {"name": "scores"}]
    wanted = read(document(parameters={"binary_data_output": True}, outputs=outputs))
    assert wanted.outputs == (("labels", False), ("scores", True))


def test_id_and_timeout_are_kept_and_unknown_parameters_passed_over() -> None:
    wanted = read(document(id="a", parameters={"timeout": 1500, "priority": 3, "colour": "blue"}))
    assert (wanted.id, wanted.timeout_s) == ("a", 0.0015)


PIXELS = {"datatype": "UINT8", "shape": [1, 2, 3, 3]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "the body: Input should be"),
        ({}, "inputs: Field required"),
        (document(inputs=[]), "inputs: List should have at least 1 item"),
        (document(inputs=document()["inputs"] * 2), "The input 'image' is there twice"),
        (document(id=5), "id: Input should be a valid string"),
        (document(parameters={"priority": -1}), "parameters.priority"),
        (document(parameters={"timeout": "soon"}), "parameters.timeout"),
        (document(parameters={"timeout": 10**400}), "parameters.timeout: Input should be less than"),
        (document(parameters={"binary_data_output": "yes"}), "parameters.binary_data_output"),
        (document(parameters={"sequence_id": 7}), "Sequences are not supported"),
        (document(input={"name": "picture"}), "no input 'picture'"),
        (document(input={"datatype": "FP32"}), "is FP32 of shape [1]"),
        (document(input={"shape": [1, 2]}), "is BYTES of shape [1, 2]"),
        (document(input={"shape": []}), "of shape []"),
        (document(input={"shape": [0], "data": []}), "holds 0 items; a request may hold 1 to 4"),
        (document(input={"shape": [5]}), "holds 5 items; a request may hold 1 to 4"),
        (document(input={"shape": [2]}), "does not have its shape [2]"),
        (
            document(input={"shape": [2], "data": ["YQ==", "?"]}),
            "The element 1 of the input 'image' is no base64",
        ),
        (document(input={"data": [5]}), "The element 0 of the input 'image' is no base64"),
        (document(input={"data": None}), "neither 'data' nor"),
        (document(input={"parameters": {"binary_data_size": 0}}), "both 'data' and"),
        (document(input={"parameters": {"shared_memory_region": "r"}}), "Shared memory is not supported"),
        (document(input={**PIXELS, "data": [256] * 18}), "other than whole numbers from 0 to 255"),
        (document(input={**PIXELS, "data": [1.5] * 18}), "other than whole numbers from 0 to 255"),
        (document(input={**PIXELS, "data": ["1"] * 18}), "other than whole numbers from 0 to 255"),
        (document(input={**PIXELS, "data": [1] * 17}), "does not have its shape [1, 2, 3, 3]"),
        (document(input={**PIXELS, "data": [[1] * 9, [1] * 9]}), "does not have its shape [1, 2, 3, 3]"),
        (document(outputs=[{"name": "boxes"}]), "output 'boxes' is not there"),
        (document(outputs=[{"name": "labels"}, {"name": "labels"}]), "output 'labels' is asked for twice"),
        (document(outputs=[{"name": "labels", "parameters": {"classification": 3}}]), "'classification'"),
    ],
)
def test_what_is_wrong_is_named(content: Any, words: str) -> None:
    problem = refusal(json.dumps(content).encode(), None)
    assert problem.status == 400
    assert words in problem.message
    assert problem.remedy


@pytest.mark.parametrize("header", ["", "-1", "x", "1_0", "\u00b2", "99999", "9" * 5000])
def test_a_length_that_is_none_is_named(header: str) -> None:
    assert "Inference-Header-Content-Length" in refusal(b"{}", header).message


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        (b"\x01\x00", "The element 0 of the input 'image' ends 2 bytes too late"),
        (packed([b"a"])[:-1], "The element 0 of the input 'image' ends 1 bytes too late"),
        (packed([b"a", b"b"]), "has 5 bytes after its element 0"),
        (b"\xff\xff\xff\xff", "ends 4294967295 bytes too late"),
    ],
)
def test_binary_elements_that_do_not_fill_their_tensor_are_named(elements: bytes, words: str) -> None:
    size = {"binary_data_size": len(elements)}
    text = json.dumps(document(input={"data": None, "parameters": size})).encode()
    assert words in refusal(text + elements, str(len(text))).message
    assert "announce" in refusal(text + elements + b"x", str(len(text))).message


@pytest.mark.parametrize(
    "text",
    [b"[" * 100_000, b"\xff\xfe{\x00", b"1" * 5000, b"{", b"NaN"],
    ids=["deep", "not UTF-8", "a long number", "no end", "NaN"],
)
def test_json_that_is_none_or_too_deep_is_a_400(text: bytes) -> None:
    assert refusal(text, None).status == 400


def test_json_beyond_what_is_parsed_is_a_413_that_names_the_binary_form() -> None:
    problem = refusal(b" " * (json_text.MOST_BYTES + 1), None)
    assert problem.status == 413
    assert "binary tensor" in problem.remedy


WORD = st.text(alphabet="aé1\ud800", max_size=5)
LEAF = st.none() | st.booleans() | st.integers() | st.floats() | WORD
JUNK = LEAF | st.lists(LEAF, max_size=3) | st.dictionaries(WORD, LEAF, max_size=3)
MAYBE_WRONG = st.fixed_dictionaries(
    {
        "inputs": st.lists(
            st.fixed_dictionaries(
                {
                    "name": st.just("image") | JUNK,
                    "datatype": st.sampled_from(["BYTES", "UINT8"]) | JUNK,
                    "shape": st.sampled_from([[1], [2], [1, 1], [1, 2, 3, 3], [2, 2, 3, 3]]) | JUNK,
                },
                optional={
                    "data": st.lists(st.integers(0, 255), max_size=20) | JUNK,
                    "parameters": st.fixed_dictionaries({"binary_data_size": st.integers(-1, 40)}) | JUNK,
                },
            ),
            max_size=2,
        )
    },
    optional={"id": JUNK, "parameters": JUNK, "outputs": JUNK},
)


@given(MAYBE_WRONG, st.binary(max_size=40), st.none() | st.integers(-2, 2))
def test_whatever_the_parts_are_they_are_understood_or_refused(
    content: Any, binary: bytes, shift: Optional[int]
) -> None:
    text = json.dumps(content).encode()
    header = None if shift is None else str(len(text) + shift)
    try:
        wanted = understand(text + binary, header, ACCEPTED)
    except Problem as problem:
        assert problem.status in (400, 413) and problem.message and problem.remedy
    else:
        assert 1 <= len(wanted.items) <= ACCEPTED.most


@given(st.binary(max_size=200), st.none() | WORD | st.integers(0, 300).map(str))
def test_random_bytes_are_refused_in_clear_words(body: bytes, header: Optional[str]) -> None:
    try:
        wanted = understand(body, header, ACCEPTED)
    except Problem as problem:
        assert problem.status == 400
    else:
        assert wanted.items == (body,), "only a raw image is valid whatever it holds"
