"""The bodies of /predict: one text or a list, as JSON or as it is; what is neither is refused in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hotpath import json_text
from hotpath.core import InputError
from hotpath.tasks.task import Limits
from hotpath.tasks.text import asking

JSON, PLAIN = "application/json", "text/plain"
LIMITS = Limits(pixels=1, items=20)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"text": "one"}, (["one"], False)),
        ({"inputs": "one"}, (["one"], False)),
        ({"inputs": ["one"]}, (["one"], True)),
        ({"inputs": ["Äpfel", "😀"]}, (["Äpfel", "😀"], True)),
    ],
)
def test_texts_are_read_from_json(body: Any, wanted: Any) -> None:
    assert asking.read(json.dumps(body).encode(), JSON, LIMITS) == wanted
    assert asking.read(json.dumps(body, ensure_ascii=False).encode(), JSON, LIMITS) == wanted


def test_plain_text_is_one_text() -> None:
    assert asking.read('{"text": "Öl"}'.encode(), PLAIN, LIMITS) == (['{"text": "Öl"}'], False)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b'"text"', "invalid_body"),
        (b"[]", "invalid_body"),
        (b"{}", "invalid_body"),
        (b'{"text": "a", "inputs": "b"}', "invalid_body"),
        (b'{"texts": "a"}', "invalid_body"),
        (b'{"text": ["a"]}', "invalid_body"),
        (b'{"text": null}', "invalid_body"),
        (b'{"inputs": []}', "invalid_body"),
        (b'{"inputs": [1, 2]}', "invalid_body"),
        (b'{"inputs": {"a": "b"}}', "invalid_body"),
        (b'{"text": ""}', "empty_text"),
        (b'{"inputs": ["a", " \\n\\u00a0"]}', "empty_text"),
        (b'{"text": "\\ud800"}', "invalid_text"),
        (b'{"inputs": ["a", "b\\udfff"]}', "invalid_text"),
    ],
)
def test_what_is_no_text_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(InputError) as caught:
        asking.read(body, JSON, LIMITS)
    assert (caught.value.status, caught.value.code) == (400, code)
    assert caught.value.remedy


@pytest.mark.parametrize(("body", "code"), [(b"\xff", "invalid_text"), (b" ", "empty_text")])
def test_plain_bytes_must_be_text(body: bytes, code: str) -> None:
    with pytest.raises(InputError) as caught:
        asking.read(body, PLAIN, LIMITS)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "body", [b'{"inputs": ["a", " "]}', b'{"inputs": ["a", 5]}', b'{"inputs": ["a", "\\ud800"]}']
)
def test_one_text_of_a_list_is_named(body: bytes) -> None:
    with pytest.raises(InputError, match=r"^inputs\[1\] can't be used: "):
        asking.read(body, JSON, LIMITS)


def test_json_has_a_largest_size() -> None:
    with pytest.raises(InputError) as caught:
        asking.read(b'{"text": "' + b"a" * json_text.MOST_BYTES + b'"}', JSON, LIMITS)
    assert (caught.value.status, caught.value.code) == (413, "json_too_large")


def test_lists_have_an_end() -> None:
    most = json.dumps({"inputs": ["a"] * LIMITS.items}).encode()
    assert len(asking.read(most, JSON, LIMITS)[0]) == LIMITS.items
    with pytest.raises(InputError) as caught:
        asking.read(json.dumps({"inputs": ["a"] * (LIMITS.items + 1)}).encode(), JSON, LIMITS)
    assert (caught.value.status, caught.value.code) == (413, "too_many_texts")
