"""JSON from others is read or refused; whatever it is, the process lives on."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import List

import pytest
from support.server import python_environment

from hotpath import json_text

ALMOST_TOO_DEEP = """
import gc
from hotpath import json_text

def overflow_and_go_on(depth):
    try:
        return overflow_and_go_on(depth + 1) if depth < 300 else None
    except RecursionError:
        return descend(60)

def descend(frames):
    return descend(frames - 1) if frames else None

gc.callbacks.append(lambda phase, info: overflow_and_go_on(0))
gc.set_threshold(1)
for text in (b"[" * 100_000, b'{"a":' * 100_000):
    try:
        json_text.parse(text)
    except ValueError as error:
        print(error)
"""


def test_nested_text_ends_no_process_whatever_else_it_has_to_clean_up() -> None:
    program = [sys.executable, "-c", ALMOST_TOO_DEEP]
    ended = subprocess.run(program, env=python_environment(), text=True, capture_output=True, check=False)
    assert ended.stdout == "it is nested too deeply\n" * 2, ended.stderr
    assert ended.returncode == 0


@pytest.mark.parametrize("text", [b"[]", b"[", b"[" * 100_000], ids=["read", "refused", "too deep"])
@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was(text: bytes, enabled: bool) -> None:
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        json_text.parse(text)
    except ValueError:
        pass
    finally:
        found = gc.isenabled()
        (gc.enable if before else gc.disable)()
    assert found is enabled


def test_it_stays_so_while_other_threads_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gc.isenabled()
    seen: List[bool] = []

    def loads(_: str) -> None:
        time.sleep(0.001)  # another thread's turn, which the real parser gives before it begins
        seen.append(gc.isenabled())

    monkeypatch.setattr(json, "loads", loads)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(json_text.parse, [b"[]"] * 100))
    assert seen == [False] * 100 and gc.isenabled()


def test_what_is_written_is_what_pythons_own_library_reads() -> None:
    document = {
        "a": [0.1, -0.0, 5e-324, 1.7976931348623157e308, 1, -(2**53), True, None],
        "b": {"text": 'quotes " and \\ and \x00, \u00e9\U0001f600', "empty": [], "NaN": "Infinity"},
    }
    assert json.loads(json_text.written(document)) == document
    assert json_text.written({"a": "\u00e9"}) == '{"a":"\u00e9"}'.encode()


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_what_json_has_no_number_for_is_not_written(number: float) -> None:
    with pytest.raises(ValueError):
        json_text.written({"a": [1.0, number]})
