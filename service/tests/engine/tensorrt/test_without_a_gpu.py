"""What of the back end tensorrt can be shown without a GPU: keys, store, batch sizes, lanes, and refusals."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.core import EngineSpec, Refusal
from hotpath.engine.lanes import Lanes, bucket_for
from hotpath.engine.tensorrt import store
from hotpath.engine.tensorrt.key import EngineKey, driver_version
from hotpath.engine.visible import VARIABLE
from hotpath.models.built import load

KEY = EngineKey(
    "ab" * 32, "NVIDIA A40", "8.6", "510.47.03", "1.13.1", "1.3.0", "8.5.3.1", "float16", "1,2,4,8"
)


def keep(model: Path, key: EngineKey, content: bytes = b"engine") -> None:
    with store.replacing(model, key) as directory:
        files = {1: "batch-1.ts", 2: "batch-2.ts"}
        for name in files.values():
            (directory / name).write_bytes(content)
        store.write_record(directory, key, files, {"captured": True}, {"1": {"same_top1": 1.0}})


@given(st.integers(1, 64), st.lists(st.integers(1, 64), min_size=1, unique=True))
def test_a_batch_takes_the_smallest_size_that_holds_it(count: int, buckets: List[int]) -> None:
    if count > max(buckets):
        with pytest.raises(ValueError, match=f"holds {count} images"):
            bucket_for(count, buckets)
        return
    found = bucket_for(count, buckets)
    assert found >= count
    assert not [size for size in buckets if count <= size < found]


def test_a_lane_is_one_batchs_alone_until_it_is_finished() -> None:
    numbers = iter(range(9))
    lanes = Lanes(2, lambda: next(numbers))
    first, second = lanes.take(), lanes.take()
    assert {first, second} == {0, 1}
    with pytest.raises(RuntimeError, match="more batches were launched"):
        lanes.take()
    lanes.give_back(first)
    assert lanes.take() == first


def test_a_lane_whose_batch_can_not_be_launched_is_free_again_when_nothing_uses_it() -> None:
    lanes, waits = Lanes(1, object), []
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), lanes.taken(lambda: waits.append(1)):
            raise ZeroDivisionError
    assert len(waits) == 2
    with pytest.raises(OSError), lanes.taken(_device_lost):
        raise ZeroDivisionError
    with lanes.taken(_device_lost) as lane:
        pass
    with pytest.raises(RuntimeError):
        lanes.take()
    lanes.give_back(lane)


def _device_lost() -> None:
    raise OSError


@pytest.mark.parametrize("field", list(vars(KEY)))
def test_engines_of_anything_else_are_refused_by_what_differs(tmp_path: Path, field: str) -> None:
    keep(tmp_path, KEY)
    other = replace(KEY, **{field: "something else"})
    assert other.name != KEY.name
    with pytest.raises(
        Refusal, match=f"engines with {field} '.*' instead of 'something else'.*Make them on this"
    ):
        store.find(tmp_path, other)


def test_stored_engines_are_found_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="there are none at all"):
        store.find(tmp_path, KEY)
    keep(tmp_path, KEY)
    found = store.find(tmp_path, KEY)
    assert found.cuda_graphs
    assert found.path(2).read_bytes() == b"engine"
    with pytest.raises(RuntimeError), store.replacing(tmp_path, KEY) as directory:
        (directory / "batch-1.ts").write_bytes(b"half")
        raise RuntimeError("the compiler died")
    assert store.find(tmp_path, KEY).path(1).read_bytes() == b"engine"
    found.path(1).write_bytes(b"cut")
    with pytest.raises(Refusal, match=r"damaged: batch-1\.ts has SHA-256"):
        store.find(tmp_path, KEY)
    assert [path.name for path in (tmp_path / store.ENGINES).iterdir()] == [KEY.name]


def test_a_record_says_for_whom_the_engines_are(tmp_path: Path) -> None:
    keep(tmp_path, KEY)
    record = json.loads((tmp_path / store.ENGINES / KEY.name / store.RECORD).read_text())
    assert record["key"] == vars(KEY)
    assert record["agreement"] == {"1": {"same_top1": 1.0}}


def test_the_driver_is_asked_and_may_be_absent(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("510.47.03\n")
    assert driver_version(tmp_path / "version") == "510.47.03"
    assert driver_version(tmp_path / "none") == "unknown"


@pytest.mark.parametrize(
    ("device", "words"),
    [("cpu", r"runs on NVIDIA GPUs, not on cpu\. Set models\.devices"), ("cuda:0", "sees 0 GPUs")],
)
def test_without_a_gpu_it_refuses(
    fast_model: Path, monkeypatch: pytest.MonkeyPatch, device: str, words: str
) -> None:
    monkeypatch.setenv(VARIABLE, "0")  # which the build narrows, and which is as it was at the end
    torch = pytest.importorskip("torch", reason="this Python has no torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    from hotpath.engine.tensorrt.compiling import build_engines
    from hotpath.engine.torch_backend import open_gpu

    spec = EngineSpec(0, "colours", fast_model, device, "tensorrt", 0, 8, ())
    with pytest.raises(Refusal, match=words):
        open_gpu(spec)
    with pytest.raises(Refusal, match=words):
        build_engines(load(fast_model), device, 8)


def test_engines_are_built_on_the_gpu_that_is_named(
    fast_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="this Python has no torch")
    from hotpath.engine.tensorrt import compiling

    class Asked(Exception):
        """As far as the test goes."""

    def open_gpu(spec: EngineSpec) -> None:
        raise Asked(spec.device, os.environ[VARIABLE])

    monkeypatch.setenv(VARIABLE, "4,6")
    monkeypatch.setattr(compiling, "open_gpu", open_gpu)
    with pytest.raises(Asked) as asked:
        compiling.build_engines(load(fast_model), "cuda:1", 8)
    assert asked.value.args == ("cuda:0", "6")


def test_without_its_library_it_refuses_by_name(fast_model: Path) -> None:
    pytest.importorskip("torch", reason="this Python has no torch")
    try:
        import torch_tensorrt  # noqa: F401
    except ImportError:
        pass
    else:
        pytest.skip("this environment has torch_tensorrt")
    from hotpath.engine.factory import create

    spec = EngineSpec(0, "colours", fast_model, "cuda:0", "tensorrt", 0, 8, ())
    with pytest.raises(Refusal, match=r"needs torch_tensorrt, which can't be imported.*a lock that holds it"):
        create("tensorrt").load(load(fast_model), spec)
