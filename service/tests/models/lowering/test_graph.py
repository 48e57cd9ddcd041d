"""What a graph becomes computes what the network does, and what can't become steps is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="this Python has no torch; lowering is tested on the other one")

from support.networks import Unequal, small  # noqa: E402
from torch import nn  # noqa: E402

from hotpath.core import ModelError  # noqa: E402
from hotpath.models.architectures import ARCHITECTURES  # noqa: E402
from hotpath.models.lowering import program as programs  # noqa: E402
from hotpath.models.lowering.fused import unusable  # noqa: E402
from hotpath.models.lowering.graph import NotLowerableError, lower  # noqa: E402
from hotpath.models.lowering.program import Convolution, Lowered, MaxPool  # noqa: E402
from hotpath.models.tracing import freeze  # noqa: E402


def lowered(network: Any, side: int = 32) -> programs.Program:
    return lower(freeze(network.eval(), torch.zeros(2, 3, side, side)))


def headed(*middle: Any, channels: int = 3) -> Any:
    return nn.Sequential(*middle, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 4))


class Gated(nn.Module):
    """One convolution by another: what a squeeze-and-excitation does."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

    def forward(self, images: Any) -> Any:
        return nn.functional.relu(self.left(images) * self.right(images))


class Centred(nn.Module):
    """Minus the mean over everything, whose axes are None in the graph."""

    def forward(self, images: Any) -> Any:
        return images - images.mean()


class ComputedHead(nn.Module):
    """A linear layer whose weights come from the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.scale = nn.Conv2d(3, 3, 1), nn.Linear(3, 3)

    def forward(self, images: Any) -> Any:
        pooled = self.features(images).mean((2, 3))
        return nn.functional.linear(pooled, pooled[:3])


def difference(network: Any, program: programs.Program, side: int = 32) -> float:
    torch.manual_seed(1)
    images = torch.randn(3, 3, side, side)
    with torch.no_grad():
        return float((network(images) - program.run(images)[0]).abs().max())


def test_every_kind_of_step_is_fused_and_exact() -> None:
    network = small()
    program = lowered(network)
    convolutions = [step for step in program.steps if isinstance(step, Convolution)]
    assert [type(step) for step in program.steps].count(MaxPool) == 1
    assert len(convolutions) == 5
    assert [step.residual is not None for step in convolutions] == [False, False, True, True, False]
    assert [step.activation for step in convolutions] == ["relu", "relu", "none", "relu", "hardtanh"]
    assert difference(network, program) < 1e-4


@pytest.mark.parametrize(("name", "side", "steps"), [("resnet50", 64, 54), ("efficientnet_lite0", 224, 49)])
def test_the_architectures_are_exact(name: str, side: int, steps: int) -> None:
    torch.manual_seed(0)
    network = ARCHITECTURES[name](5).eval()
    program = lowered(network, side)
    assert len(program.steps) == steps
    assert difference(network, program, side) < 1e-4


@settings(max_examples=40)
@given(st.tuples(*[st.integers(0, 3)] * 4), st.integers(1, 5), st.integers(1, 3))
def test_unequal_margins_are_exact(margins: Any, kernel: int, stride: int) -> None:
    torch.manual_seed(0)
    network = headed(nn.Conv2d(3, 6, 1), Unequal(margins, kernel, stride), channels=6).eval()
    program = lowered(network, 16)
    assert difference(network, program, 16) < 1e-4


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: headed(nn.SiLU()), "aten::silu"),
        (lambda: headed(nn.ReLU()), "a relu that does not follow a convolution"),
        (lambda: headed(nn.ZeroPad2d(1)), "does not end in an average"),
        (lambda: headed(nn.ConvTranspose2d(3, 3, 2)), "not a plain two-dimensional one"),
        (lambda: headed(nn.AvgPool2d(2)), "aten::avg_pool2d"),
        (lambda: headed(nn.ReflectionPad2d(1), nn.Conv2d(3, 3, 3)), "padding other than zeros"),
        (lambda: headed(nn.MaxPool2d(2, ceil_mode=True)), "ceil mode"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 4)), "a reshape before its average"),
        (lambda: nn.Conv2d(3, 3, 1), "does not end in an average"),
        (lambda: nn.Sequential(headed(), nn.Softmax(1)), "aten::softmax"),
        (lambda: headed(Gated()), "aten::mul"),
        (lambda: headed(Centred()), "in an unknown way"),
        (lambda: ComputedHead(), "aten::slice|in an unknown way"),
    ],
)
def test_what_is_no_step_is_named(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(NotLowerableError, match=words):
        lowered(make())


def test_a_tensor_lives_as_long_as_it_is_read() -> None:
    program = lowered(small())
    alive = {program.entry}
    for step, ends in zip(program.steps, program.last_uses()):
        assert alive >= {*step.sources}
        alive.add(step.target)
        alive -= set(ends)
    assert alive == {*program.outputs}


@pytest.mark.skipif(bool(unusable("float32")), reason="this torch writes and reads no programs for oneDNN")
def test_a_program_survives_being_written(tmp_path: Path) -> None:
    network = small()
    program = lowered(network)
    Lowered(program, "int8", {program.entry: (0.5, 3)}).save(tmp_path / "onednn.pt")
    found = programs.load(tmp_path / "onednn.pt")
    assert (found.precision, found.ranges) == ("int8", {program.entry: (0.5, 3)})
    assert difference(network, found.program) < 1e-4


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off"])
def test_a_damaged_program_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "onednn.pt"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"onednn\.pt can't be read"):
        programs.load(path)
