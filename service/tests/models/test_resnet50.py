"""ResNet-50: torchvision's names and shapes; what is built answers as the network; bad weights named."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Tuple

import numpy
import pytest

from hotpath.building.build import build
from hotpath.core import EngineSpec, ModelError
from hotpath.engine.factory import create
from hotpath.models.built import BuiltModel

torch = pytest.importorskip(
    "torch", reason="this Python has no torch; the architecture is tested on the other one"
)

from support.resnets import CLASSES, MEAN, SIDE, STD, seeded, write_source  # noqa: E402

from hotpath.tasks.classification.network import restore  # noqa: E402

PUBLISHED = Path(__file__).parent / "fixtures" / "resnet50.txt"


def published() -> Dict[str, Tuple[int, ...]]:
    lines = PUBLISHED.read_text().splitlines()[1:]
    return {
        name: () if shape == "-" else tuple(map(int, shape.split("x")))
        for name, shape in (line.split() for line in lines)
    }


@pytest.fixture(scope="module")
def network() -> Any:
    return seeded()


@pytest.fixture(scope="module")
def model(network: Any, tmp_path_factory: pytest.TempPathFactory) -> BuiltModel:
    room = tmp_path_factory.mktemp("resnet50")
    return build(write_source(room / "source", network.state_dict()), room / "models")[0]


def test_names_shapes_and_order_are_torchvisions() -> None:
    network = seeded(1000)
    found = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert list(found.items()) == list(published().items())
    assert len(found) == 320
    assert sum(parameter.numel() for parameter in network.parameters()) == 25_557_032


def test_published_shapes_load_strictly() -> None:
    state = {name: torch.zeros(shape) for name, shape in published().items()}
    assert str(seeded(1000).load_state_dict(state, strict=True)) == "<All keys matched successfully>"


@pytest.mark.parametrize("backend", ["torchscript", "eager"])
def test_what_is_built_answers_as_the_network_does(network: Any, model: BuiltModel, backend: str) -> None:
    engine = create(backend)
    engine.load(model, EngineSpec(0, "resnet50", model.directory, "cpu", backend, 0, 3, ()))
    pixels = numpy.random.default_rng(3).integers(0, 256, (3, SIDE, SIDE, 3), dtype=numpy.uint8)
    normalised = (torch.from_numpy(pixels).float() - torch.tensor(MEAN)) / torch.tensor(STD)
    with torch.no_grad():
        wanted = torch.softmax(network(normalised.permute(0, 3, 1, 2)), dim=1)
    scores, classes = engine.finish(engine.launch([(image,) for image in pixels]))
    assert classes[:, 0].tolist() == wanted.argmax(dim=1).tolist()
    assert scores == pytest.approx(numpy.take_along_axis(wanted.numpy(), classes, axis=1), abs=1e-3)
    assert len(set(scores[:, 0])) == 3, "the images must be told apart"


def test_the_build_compared_its_forms(model: BuiltModel) -> None:
    check = model.document["check"]
    assert check["batch_sizes"] == [1, 2, 4, 8]
    assert set(check["largest_difference"]) >= {"eager", "torchscript"}
    assert 0 <= check["largest_difference"]["torchscript"] <= 1e-3


def without(state: Dict[str, Any], key: str) -> Dict[str, Any]:
    return {name: tensor for name, tensor in state.items() if name != key}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: without(s, "layer3.5.bn2.bias"), r'Missing key\(s\).*"layer3\.5\.bn2\.bias"'),
        (lambda s: {**s, "head.weight": s["fc.weight"]}, r'Unexpected key\(s\).*"head\.weight"'),
        (lambda s: {**s, "fc.bias": torch.zeros(1000)}, r"size mismatch for fc\.bias.*\[1000\].*\[10\]"),
        (lambda s: {"state_dict": dict(s)}, "'state_dict' is a dict, not a tensor"),
        (lambda s: [1, 2], "hold a list, not a state dict"),
    ],
)
def test_weights_that_do_not_fit_are_named(network: Any, tmp_path: Path, change: Any, words: str) -> None:
    source = write_source(tmp_path / "source", change(network.state_dict()))
    with pytest.raises(ModelError, match=words) as caught:
        build(source, tmp_path / "models")
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "models" / "resnet50").iterdir())


def test_a_file_that_is_no_weights_is_named(network: Any, tmp_path: Path) -> None:
    for content in (b"", b"hello", b"PK\x03\x04 cut off"):
        path = tmp_path / "weights.pth"
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"weights\.pth can't be read"):
            restore("resnet50", path, CLASSES, MEAN, STD, 5)


def test_more_ranks_than_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"top_k = 5 .* more than the 2 classes"):
        restore("resnet50", tmp_path / "none", 2, MEAN, STD, 5)
