"""Networks that end in maps are read with what lies between their convolutions."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest

torch = pytest.importorskip("torch", reason="this Python has no torch; lowering is tested on the other one")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from hotpath.models.lowering.fused import FusedNetwork, unusable  # noqa: E402
from hotpath.models.lowering.graph import NotLowerableError  # noqa: E402
from hotpath.models.lowering.maps import lower_maps  # noqa: E402
from hotpath.models.lowering.program import Convolution, Lowered, load  # noqa: E402
from hotpath.models.lowering.ranges import look, quantise  # noqa: E402
from hotpath.models.tracing import freeze  # noqa: E402

SIDE = 32


class Small(nn.Module):
    """Every kind of step."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.beside = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.deeper, self.last = nn.Conv2d(16, 8, 3, 2, 1), nn.Conv2d(8, 5, 1)

    def forward(self, images: Any) -> Any:
        fine = functional.leaky_relu(self.stem(images), 0.1)
        fine = torch.cat((functional.leaky_relu(self.norm(self.beside(fine)), 0.2), fine), 1)
        coarse = functional.relu(self.deeper(functional.max_pool2d(fine, 3, 1, 1)))
        larger = functional.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)
        fused = self.beside(larger) + larger
        return self.last(fused), self.last(coarse + functional.avg_pool2d(fused, 2))


def small() -> Small:
    torch.manual_seed(3)
    return Small().eval()


def lowered(network: Any) -> Any:
    return lower_maps(freeze(network, torch.zeros(2, 3, SIDE, SIDE)))


def largest_difference(wanted: Any, found: Any) -> float:
    assert len(wanted) == len(found)
    return max(float((one - other).abs().max()) for one, other in zip(wanted, found))


def test_it_computes_what_the_network_does() -> None:
    network, images = small(), torch.randn(5, 3, SIDE, SIDE)
    with torch.no_grad():
        assert largest_difference(network(images), lowered(network).run(images)) < 1e-5


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("batch", [1, 5, 8])
def test_fused_kernels_do_too(precision: str, batch: int, tmp_path: Path) -> None:
    if unusable(precision):
        pytest.skip(unusable(precision))
    network = small()
    Lowered(lowered(network), precision, {}).save(tmp_path / "program.pt")
    mean, std = [10.0, 20.0, 30.0], [50.0, 60.0, 70.0]
    form = FusedNetwork(load(tmp_path / "program.pt"), (SIDE, SIDE, 3), mean, std)
    pixels = torch.randint(0, 256, (batch, SIDE, SIDE, 3), dtype=torch.uint8)
    images = (pixels.permute(0, 3, 1, 2).float() - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(
        3, 1, 1
    )
    with torch.no_grad():
        found = form(pixels)
        assert {one.dtype for one in found} == {torch.float32}
        assert largest_difference(network(images), found) < (1e-4 if precision == "float32" else 0.1)


def test_activations_and_batch_norms_are_in_their_convolutions() -> None:
    steps = [step for step in lowered(small()).steps if isinstance(step, Convolution)]
    assert [step.activation for step in steps].count("leaky_relu") == 2
    assert sorted(step.limits for step in steps if step.limits) == [(0.1,), (0.2,)]


def test_a_tensor_lives_as_long_as_it_is_read() -> None:
    program = lowered(small())
    alive = {program.entry}
    for step, ends in zip(program.steps, program.last_uses()):
        assert alive >= {*step.sources}
        alive.add(step.target)
        alive -= set(ends)
    assert alive == {*program.outputs}


class Ends(nn.Module):
    """Some function between a convolution and a map."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.function, self.one = function, nn.Conv2d(3, 4, 1)

    def forward(self, images: Any) -> Any:
        return (self.function(self.one(images)),)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: torch.cat((x, x), 2), "puts together something else than channels"),
        (
            lambda x: functional.interpolate(x, scale_factor=1.5, mode="bilinear"),
            "something else than a whole",
        ),
        (
            lambda x: functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=True),
            "something else than a whole",
        ),
        (lambda x: functional.avg_pool2d(x, 3, 2), "windows that do not lie beside each other"),
        (lambda x: functional.avg_pool2d(x, 2, padding=1), "windows that do not lie beside each other"),
        (lambda x: torch.add(x, x, alpha=2), "an addition other than of two tensors"),
        (lambda x: functional.leaky_relu(torch.cat((x, x), 1)), "leaky_relu that does not follow"),
        (lambda x: x.sigmoid(), "aten::sigmoid"),
        (lambda x: x.mean((2, 3)), "does not end in a tuple of maps"),
    ],
)
def test_what_is_no_step_is_named(function: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(NotLowerableError, match=words):
        lowered(Ends(function).eval())


def test_there_is_no_8_bit_form_of_it() -> None:
    program = lowered(small())
    with pytest.raises(ValueError, match="has no 8-bit form"):
        quantise(program, look(program, [torch.zeros(1, 3, SIDE, SIDE)]))
