"""Exported programs of every task, as the back end cuda runs them; here on a processor, without graphs.

What needs a GPU is for `make gpu`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import numpy
import pytest
from support import texts
from support.detecting import described
from support.numbers import FOUR, MEAN_LINES, MEANS, NETWORK, torch_source
from support.server import python_environment

torch = pytest.importorskip("torch", reason="this Python has no torch")

from hotpath.models import programs  # noqa: E402

if programs.unavailable():
    pytest.skip(programs.unavailable(), allow_module_level=True)

from support.networks import small  # noqa: E402
from support.resnets import write_source  # noqa: E402

from hotpath.building.build import build  # noqa: E402
from hotpath.core import EngineSpec, ModelError, Refusal  # noqa: E402
from hotpath.engine import exported  # noqa: E402
from hotpath.engine.exported import ExportedBackend  # noqa: E402
from hotpath.engine.factory import create  # noqa: E402
from hotpath.engine.graphs import Shape  # noqa: E402
from hotpath.engine.streams import Processor  # noqa: E402
from hotpath.models.architectures import ARCHITECTURES  # noqa: E402
from hotpath.models.built import BuiltModel, load  # noqa: E402
from hotpath.tasks import known  # noqa: E402
from hotpath.tasks.detection.network import network as detector  # noqa: E402

ANYTHING = [{"text": text, "accept": texts.LABELS} for text in ("a dog", "the film is bad .")]
PAIR = (numpy.array([1, 2], "float32"), numpy.array([3, 1], "float32"))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, BuiltModel]:
    """A small one of each task, built in this process."""
    room = tmp_path_factory.mktemp("exported")
    ARCHITECTURES["small"] = small  # of this module alone: others have no reason to build it
    sources = {
        "pictures": write_source(room / "pictures", small(10).state_dict(), 32, "small"),
        "embedding": texts.write_source(
            room / "embedding", texts.PROBES, settings=["max_length = 12", "lengths = [4, 12]"]
        ),
        "sentiment": texts.write_source(room / "sentiment", ANYTHING, "text-classification"),
        "sums": torch_source(room / "sums"),
        "means": torch_source(
            room / "means", MEANS, MEAN_LINES, body=FOUR, expect="{ outputs = { mean = 3.0 } }"
        ),
    }
    return {name: build(source, room / name / "built", exported=True)[0] for name, source in sources.items()}


def loaded(model: BuiltModel, max_batch: int = 8, name: str = "cuda") -> Any:
    engine: Any = ExportedBackend() if name == "cuda" else create(name)
    engine.load(model, EngineSpec(0, "m", model.directory, "cpu", name, 1, max_batch, ()))
    return engine


def eager_alone(source: Path) -> Path:
    """A source of a network that can't be traced."""
    toml = source / "model.toml"
    toml.write_text('forms = ["eager"]\n' + toml.read_text())
    return source


def run(engine: Any, *items: Any) -> Any:
    return engine.finish(engine.launch(items))


def test_every_task_has_a_program_in_half_precision_for_any_batch(models: Dict[str, BuiltModel]) -> None:
    for name, model in models.items():
        assert model.exported["files"] == {"0": "exported.pt2"}, name
        assert model.precision("cuda") == "float16", model.exported
        assert model.document["check"]["largest_difference"]["cuda"] == model.exported["difference"]
        assert load(model.directory).artifact("cuda").name == "exported.pt2"


AGAIN = """
import json, sys
from pathlib import Path
from hotpath.core import EngineSpec
from hotpath.engine.checking import verify
from hotpath.engine.exported import ExportedBackend
from hotpath.models.built import load
from hotpath.tasks import known

found = {}
for directory in map(Path, sys.argv[1:]):
    model, backend = load(directory), ExportedBackend()
    backend.load(model, EngineSpec(0, "m", directory, "cpu", "cuda", 1, 2, ()))
    found[directory.parents[2].name] = verify(backend, "cuda", model, known.task(model), [1, 2])
print(json.dumps(found))
"""


def test_another_process_loads_them_without_the_networks_code(models: Dict[str, BuiltModel]) -> None:
    command = [sys.executable, "-c", AGAIN, *(str(model.directory) for model in models.values())]
    done = subprocess.run(command, capture_output=True, text=True, env=python_environment(), check=True)
    found = json.loads(done.stdout)
    assert set(found) == set(models)
    for name, difference in found.items():
        assert 0 <= difference <= 0.02, name


def test_a_batch_takes_the_next_larger_shape_and_nothing_of_the_one_before(
    models: Dict[str, BuiltModel],
) -> None:
    model = models["pictures"]
    engine, eager = loaded(model, 4), loaded(model, 4, "eager")
    random = numpy.random.default_rng(1)
    pictures = [(random.integers(0, 255, (32, 32, 3), dtype=numpy.uint8),) for _ in range(4)]
    assert sorted(engine._batches) == [Shape(1, size) for size in (1, 2, 4)]
    first, second = engine.launch(pictures), engine.launch(pictures[:3])  # both in flight
    for launched, count in ((first, 4), (second, 3)):
        scores, classes = engine.finish(launched)
        wanted, best = run(eager, *pictures[:count])
        assert scores == pytest.approx(wanted, abs=0.02)
        assert (classes[:, 0] == best[:, 0]).all()
    scores, _ = run(engine, pictures[3])
    assert scores == pytest.approx(run(eager, pictures[3])[0], abs=0.02)


def test_items_of_any_length_take_the_next_longer_shape(models: Dict[str, BuiltModel]) -> None:
    engine = loaded(models["means"], 4)
    assert {shape.length for shape in engine._batches} == {16, 32}
    long = [(numpy.full(32, 100, "float32"),)] * 4
    run(engine, *long)  # what it leaves behind must not count
    for counts in ((1, 5, 32, 17), (3,), (16, 2, 9)):
        (means,) = run(engine, *((numpy.arange(count, dtype="float32"),) for count in counts))
        assert means.tolist() == pytest.approx([(count - 1) / 2 for count in counts], rel=2e-3)


def test_texts_answer_alike_alone_and_beside_longer_ones(models: Dict[str, BuiltModel]) -> None:
    model = models["embedding"]
    engine, eager = loaded(model), loaded(model, name="eager")
    ids = [texts.numbers("a", "dog"), texts.numbers("the", "film", "is", "bad", "."), texts.numbers("a")]
    items = [(numpy.array(one, "int32"),) for one in ids]
    (together,), (wanted,) = run(engine, *items), run(eager, *items)
    assert together == pytest.approx(wanted, abs=5e-3)
    for item, row in zip(items, together):
        assert run(engine, item)[0][0] == pytest.approx(row, abs=2e-3)


def test_programs_come_along_to_another_device(models: Dict[str, BuiltModel]) -> None:
    """To one that computes nothing: whatever stayed behind would be told apart there."""
    meta = torch.device("meta")
    for name in ("embedding", "pictures", "means"):
        model = models[name]
        task = known.task(model)
        given = [torch.from_numpy(array)[None].to(meta) for array in task.example(task.lengths[0])]
        if name != "pictures":
            given.append(torch.ones(1, dtype=torch.int64, device=meta))
        network = programs.load(model.programs(), meta)(1)
        assert all(tensor.device == meta for tensor in network(*given)), name


def test_weights_of_convolutions_stay_channels_last(models: Dict[str, BuiltModel]) -> None:
    network = programs.load(models["pictures"].programs(), torch.device("cpu"))(1)
    weights = [one for one in network.parameters() if one.dim() == 4 and min(one.shape[1:3]) > 1]
    assert weights
    assert all(one.is_contiguous(memory_format=torch.channels_last) for one in weights)
    assert not any(one.is_contiguous() for one in weights)


def test_a_detector_answers_as_its_network_does(tmp_path: Path) -> None:
    model = described()
    torch.manual_seed(2)
    from hotpath.tasks.detection.nanodet import NanoDet

    torch.save(NanoDet(3).state_dict(), tmp_path / "weights.pth")
    model = type(model)(
        tmp_path, model.identity, model.task, model.architecture, {"eager": "weights.pth"}, model.document
    )
    assert detector(model) is not None
    networks = known.networks(model)
    pictures = torch.randint(0, 255, (3, 64, 64, 3), dtype=torch.uint8)
    paths = programs.write(
        networks.reduced(model, "bfloat16"),
        lambda size: [torch.zeros((size, 64, 64, 3), dtype=torch.uint8)],
        [(0, 0)],
        [1],
        lambda size: tmp_path / f"{size}.pt2",
    )
    assert list(paths) == [programs.ANY]
    with torch.inference_mode():
        found = programs.load(paths, torch.device("cpu"))(3)(pictures)
        wanted = networks.eager(model)(pictures)
    assert [one.shape for one in found] == [one.shape for one in wanted]
    assert found[1] == pytest.approx(wanted[1], abs=0.02), "the scores, best first"
    assert all(one.dtype == other.dtype for one, other in zip(found, wanted))


def test_a_network_for_one_batch_size_at_a_time_is_exported_so(tmp_path: Path) -> None:
    rows = NETWORK.replace("(a + b) * 2.0,", "torch.stack([row * 2.0 for row in a + b]),")
    model = build(eager_alone(torch_source(tmp_path / "source", rows)), tmp_path / "models", exported=True)[0]
    assert list(model.exported["files"]) == ["1", "2", "4", "8"]
    sums, _ = run(loaded(model, 4), PAIR, PAIR, PAIR)
    assert sums.tolist() == [[8, 6]] * 3
    with pytest.raises(
        Refusal, match=r"of 1, 2, 4, 8 one by one, and not of 16\. Set batching\.max_batch to 8"
    ):
        loaded(model, 16)


def test_what_float16_can_not_hold_is_computed_in_bfloat16(tmp_path: Path) -> None:
    large = NETWORK.replace("(a + b) * 2.0,", "(a + b) * 65536.0 / 32768.0,")
    model = build(torch_source(tmp_path / "source", large), tmp_path / "models", exported=True)[0]
    assert model.precision("cuda") == "bfloat16"
    assert "holds what is no number" in model.exported["refused"]["float16"]


def test_a_network_that_can_not_be_exported_says_so_and_serves_otherwise(tmp_path: Path) -> None:
    decides = NETWORK.replace("(a + b) * 2.0,", "(a + b) * (2.0 if bool(a.sum() > 0) else 3.0),")
    model = build(
        eager_alone(torch_source(tmp_path / "source", decides)), tmp_path / "models", exported=True
    )[0]
    assert set(model.artifacts) == {"eager"}
    assert not list(model.directory.glob("exported*"))
    with pytest.raises(ModelError, match=r"not built for the back end 'cuda'\. It can't be exported: "):
        loaded(model)


def test_programs_are_made_where_they_are_asked_for(tmp_path: Path) -> None:
    source = torch_source(tmp_path / "source")
    plain, existed = build(source, tmp_path / "models")
    if torch.version.cuda is None:
        assert (existed, plain.exported) == (False, {})
        with pytest.raises(ModelError, match=r"'cuda'\. Programs for GPUs are written where .* --exported"):
            loaded(plain)
    asked, existed = build(source, tmp_path / "models", exported=True)
    assert asked.exported["files"]
    assert build(source, tmp_path / "models") == (asked, True)


def test_what_can_not_be_recorded_runs_without_graphs_and_says_so(
    models: Dict[str, BuiltModel], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Recording(Processor):
        """Says that it could, which a torch without a GPU then can't."""

        has_graphs = True

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU, on which it can")
    monkeypatch.setattr(exported, "streams_of", Recording)
    engine = loaded(models["sums"])
    assert run(engine, PAIR)[0].tolist() == [[8, 6]]
    assert "m runs without CUDA graphs, as it can't be recorded" in caplog.text


@pytest.mark.parametrize(
    ("device", "words"),
    [("cpu", r"cuda runs on NVIDIA GPUs, not on cpu\. Set models\.devices"), ("cuda:0", "sees 0 GPUs")],
)
def test_it_serves_on_gpus_alone(models: Dict[str, BuiltModel], device: str, words: str) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    model = models["sums"]
    with pytest.raises(Refusal, match=words):
        create("cuda").load(model, EngineSpec(0, "m", model.directory, device, "cuda", 0, 8, ()))
