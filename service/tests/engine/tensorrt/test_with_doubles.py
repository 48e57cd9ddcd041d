"""The back end tensorrt with doubles in the place of streams, events and Torch-TensorRT."""

from __future__ import annotations

import contextlib
import threading
import types
from pathlib import Path
from typing import Any, Dict, List, Set

import numpy
import pytest

torch = pytest.importorskip("torch", reason="this Python has no torch")

from support.classifying import task_of  # noqa: E402

from hotpath.core import EngineSpec  # noqa: E402
from hotpath.engine import overlapping  # noqa: E402
from hotpath.engine.graphs import Shape  # noqa: E402
from hotpath.engine.runner import Job, Runner  # noqa: E402
from hotpath.engine.streams import Processor  # noqa: E402
from hotpath.engine.tensorrt import backend as module  # noqa: E402
from hotpath.engine.tensorrt import frontends, store  # noqa: E402
from hotpath.engine.tensorrt.backend import TensorRTBackend  # noqa: E402
from hotpath.engine.tensorrt.store import Engines  # noqa: E402
from hotpath.models import programs  # noqa: E402
from hotpath.models.built import load  # noqa: E402

GOOD, BAD = (numpy.zeros((1, 1, 3), numpy.uint8),), (numpy.ones((1, 1, 3), numpy.uint8),)


class Event:
    """Of a lane; may fail as a device does."""

    fails = False

    def record(self) -> None:
        """Nothing runs by itself here."""

    def wait(self) -> None:
        """Nor is anything late."""

    def synchronize(self) -> None:
        if self.fails:
            self.fails = False
            raise RuntimeError("an illegal memory access was encountered")


class Batch:
    """A batch size; fails with bad pixels, and notes who is inside at the same time."""

    def __init__(self) -> None:
        self.inputs = (torch.zeros((1, 1, 1, 3), dtype=torch.uint8),)
        self.outputs = torch.ones((1, 1)), torch.zeros((1, 1), dtype=torch.int64)
        self.inside: Set[int] = set()
        self.together = 0
        self.runs = 0

    def run(self) -> None:
        self.inside.add(threading.get_ident())
        self.together = max(self.together, len(self.inside))
        (inputs,) = self.inputs
        pixels = inputs.clone()
        self.runs += 1
        threading.Event().wait(0.002)  # another thread's turn
        assert bool((inputs == pixels).all()), "another batch's pixels came in between"
        self.inside.remove(threading.get_ident())
        if int(pixels.max()) == 1:
            raise RuntimeError("this launch fails")


class Streams(Processor):
    """Counts how often everything was waited for."""

    waits = 0

    def event(self) -> Any:
        return Event()

    def synchronize(self) -> None:
        self.waits += 1


@pytest.fixture
def backend() -> TensorRTBackend:
    """Loaded, as it were, with one batch size."""
    backend = TensorRTBackend()
    task: Any = task_of((1, 1, 3))

    def form(shape: Shape) -> Any:
        return lambda pixels: (torch.ones((1, 1)), torch.zeros((1, 1), dtype=torch.int64))

    backend._prepare(Streams(torch.device("cpu")), task, [1], form, capture=False)
    backend._batches = {Shape(1, 1): Batch()}  # type: ignore[dict-item]
    return backend


def free_lanes(backend: TensorRTBackend) -> int:
    lanes = []
    with contextlib.suppress(RuntimeError):
        while True:
            lanes.append(backend._lanes.take())
    for lane in lanes:
        backend._lanes.give_back(lane)
    return len(lanes)


def test_a_launch_that_fails_gives_its_lane_back_once_nothing_uses_it(backend: TensorRTBackend) -> None:
    streams: Any = backend._streams
    streams.waits = 0
    for _ in range(3):
        with pytest.raises(RuntimeError, match="this launch fails"):
            backend.launch([BAD])
    assert free_lanes(backend) == 2
    assert streams.waits == 3
    assert [len(output) for output in backend.finish(backend.launch([GOOD]))] == [1, 1]


def test_a_batch_that_fails_in_the_end_gives_its_lane_back(backend: TensorRTBackend) -> None:
    launched = backend.launch([GOOD])
    launched[0].done.fails = True
    with pytest.raises(RuntimeError, match="illegal memory access"):
        backend.finish(launched)
    assert free_lanes(backend) == 2


def test_what_belongs_to_one_batch_is_enqueued_without_anothers_in_between(backend: TensorRTBackend) -> None:
    failed: List[BaseException] = []

    def launch(value: int) -> None:
        try:
            for _ in range(10):
                backend.finish(backend.launch([(numpy.full((1, 1, 3), value, numpy.uint8),)]))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=launch, args=(value,)) for value in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batch: Any = backend._batches[Shape(1, 1)]
    assert failed == [] and (batch.together, batch.runs) == (1, 20)


def test_one_that_fails_alone_while_another_is_in_flight_does_not_end_the_engine(
    backend: TensorRTBackend,
) -> None:
    runner = Runner(backend, task_of((1, 1, 3)))
    jobs = [Job([image], lambda: None) for image in (GOOD, BAD, GOOD, BAD, BAD, GOOD)]
    ended: List[BaseException] = []

    def work() -> None:
        try:
            runner.work()
        except BaseException as error:
            ended.append(error)

    for job in jobs:
        runner.launch(job)
    threading.Thread(target=work, daemon=True).start()
    done: List[Job] = []
    while len(done) < len(jobs) and not ended:
        done += runner.collect()
        threading.Event().wait(0.001)
    assert ended == []
    assert [job.answers is not None for job in done] == [True, False, True, False, False, True]


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Dict[str, Any]:
    """What Torch-TensorRT was asked to compile and save; it answers with what it was given."""
    asked: Dict[str, Any] = {}

    def compile_module(module: Any, use_explicit_typing: bool = False, **options: Any) -> Any:
        asked.update(options, module=module, use_explicit_typing=use_explicit_typing)
        return module

    def save(compiled: Any, path: str, **options: Any) -> None:
        torch.export.save(compiled, path)

    double = types.SimpleNamespace(
        __version__="2.5.0",
        compile=compile_module,
        dynamo=types.SimpleNamespace(compile=compile_module),
        save=save,
        Input=lambda **options: options,
        Device=lambda **options: options,
    )
    monkeypatch.setattr(frontends, "torch_tensorrt", lambda: double)
    return asked


CPU = torch.device("cpu")


@pytest.mark.parametrize("version", ["1.3.0", "2.5.0"])
def test_an_engine_of_torchscript_is_made_of_a_rounded_copy_for_the_device_that_is_named(
    library: Dict[str, Any], monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(frontends, "freeze", lambda module, example: module)
    frontends.torch_tensorrt().__version__ = version
    network = torch.nn.Linear(64, 64)
    weights = network.weight.detach().clone()
    frontends._script(network, (2, 3, 8, 8), CPU)
    assert library["device"] == {"gpu_id": 0}
    assert library["module"].weight.dtype is (torch.half if version[0] == "2" else torch.float)
    assert torch.equal(network.weight, weights), "what the engine is judged by"


@pytest.mark.skipif(bool(programs.unavailable()), reason="this torch has no exported programs")
def test_an_engine_of_an_exported_program_is_strictly_of_its_weights_types(
    library: Dict[str, Any], tmp_path: Path
) -> None:
    assert frontends.suffix() == ".pt2"
    network = torch.nn.Linear(64, 8)
    path = tmp_path / f"batch-2{frontends.suffix()}"
    frontends.compile_to(path, network, (2, 64), CPU)
    assert library["use_explicit_typing"] is True
    assert library["require_full_compilation"] is True
    assert [one.dtype for one in library["module"].state_dict.values()] == [torch.half] * 2
    assert network.weight.dtype is torch.float, "what the engine is judged by"
    images = torch.randn(2, 64)
    found = torch.nn.Sequential(frontends.load(path, CPU)).eval().to(CPU)(images)
    assert found.dtype is torch.float
    assert torch.allclose(found, network(images), atol=1e-2)


def test_the_lanes_are_filled_before_the_first_batch_may_come(
    fast_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are on the default stream, which the back end's own don't wait for."""
    done: List[str] = []

    class Noting(Processor):
        def synchronize(self) -> None:
            done.append("wait")

    monkeypatch.setattr(module, "streams_of", Noting)
    monkeypatch.setattr(module, "open_gpu", lambda spec: CPU)
    for name in ("torch_tensorrt", "key_of", "form"):
        monkeypatch.setattr(module, name, lambda *_: None)
    engines = Engines(fast_model, {1: "batch-1.ts"}, cuda_graphs=False)
    monkeypatch.setattr(store, "find", lambda *_: engines)
    monkeypatch.setattr(overlapping, "prepare", lambda *_: {})
    monkeypatch.setattr(overlapping, "_lane", lambda *_: done.append("lane"))
    spec = EngineSpec(0, "colours", fast_model, "cuda:0", "tensorrt", 0, 1, ())
    TensorRTBackend().load(load(fast_model), spec)
    assert done == ["lane", "lane", "wait"]
