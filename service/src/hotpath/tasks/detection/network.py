"""Object detectors in torch: the whole way from pixels to the best candidates, in each form of a network."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

import torch
from torch import Tensor, nn

from hotpath.core import ModelError
from hotpath.models.built import BuiltModel
from hotpath.models.lowering import program
from hotpath.models.lowering.fused import FusedNetwork
from hotpath.models.lowering.program import Lowered
from hotpath.models.weights import fit
from hotpath.tasks.detection.nanodet import BINS, NanoDet
from hotpath.tasks.detection.source import STRIDES
from hotpath.tasks.detection.weights import fill

ARCHITECTURES: Dict[str, Callable[[int], nn.Module]] = {"nanodet_g": NanoDet}
"""Networks from normalised images to maps, by the number of classes."""

Outputs = Tuple[Tensor, Tensor, Tensor]


class Core(nn.Module):
    """A network whose maps are one tensor: (batch, positions, classes + 4 * BINS), the finest map first."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (batch, 3, height, width) to what is said of each position."""
        return positions(self.network(images))


def positions(maps: Sequence[Tensor]) -> Tensor:
    """Maps (batch, channels, height, width) as one tensor (batch, positions, channels)."""
    return torch.cat([one.permute(0, 2, 3, 1).flatten(1, 2) for one in maps], 1)


class Best(nn.Module):
    """The best candidates among the positions, each of its position's best class.

    Output: boxes (batch, most, 4) in pixels of the input, which may reach beyond it; scores and classes
    (batch, most), best first.
    """

    middles: Tensor
    strides: Tensor
    bins: Tensor

    def __init__(self, classes: int, most: int, height: int, width: int) -> None:
        super().__init__()
        self._classes, self._most = classes, most
        grids = [
            (torch.cartesian_prod(torch.arange(height // stride), torch.arange(width // stride)) + 0.5)
            * stride
            for stride in STRIDES
        ]
        self.register_buffer("middles", torch.cat(grids).flip(1))  # x before y
        counts = torch.tensor([len(grid) for grid in grids])
        self.register_buffer("strides", torch.tensor(STRIDES).repeat_interleave(counts).float())
        self.register_buffer("bins", torch.arange(BINS, dtype=torch.float32))

    def forward(self, found: Tensor) -> Outputs:
        """Of (batch, positions, classes + 4 * BINS), float32."""
        logits, classes = found[:, :, : self._classes].max(2)
        best, places = logits.topk(self._most, dim=1)
        sides = found[:, :, self._classes :]
        sides = sides.gather(1, places.unsqueeze(2).expand(-1, -1, 4 * BINS)).view(-1, self._most, 4, BINS)
        lengths = (sides.softmax(3) * self.bins).sum(3) * self.strides[places].unsqueeze(2)
        middles = self.middles[places]
        boxes = torch.cat((middles - lengths[:, :, :2], middles + lengths[:, :, 2:]), 2)
        return boxes, best.sigmoid(), classes.gather(1, places)


class Detector(nn.Module):
    """Pixels to candidates, so that nothing of the preprocessing is left to the caller's arithmetic.

    Input: uint8 of shape (batch, height, width, 3). The permutation leaves the memory as it is, which makes
    the network's input channels-last for free.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, core: nn.Module, best: Best, mean: List[float], std: List[float]) -> None:
        super().__init__()
        self.core = core
        self.best = best
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, pixels: Tensor) -> Outputs:
        """Normalise, run the network, take the best."""
        images = (pixels.permute(0, 3, 1, 2).to(torch.float32) - self.mean) / self.std
        found: Outputs = self.best(self.core(images))
        return found


class FusedDetector(nn.Module):
    """As `Detector`, of a network that normalises for itself while it brings pixels into its own type."""

    def __init__(
        self, lowered: Lowered, shape: Tuple[int, int, int], mean: List[float], std: List[float], best: Best
    ) -> None:
        """Raises Refusal where this processor can't run the form."""
        super().__init__()
        self._network = FusedNetwork(lowered, shape, mean, std)
        self._best = best

    def forward(self, pixels: Tensor) -> Outputs:
        """Run the network, take the best."""
        found: Outputs = self._best(positions(self._network(pixels)))
        return found


def eager(model: BuiltModel) -> Detector:
    """The model as its architecture's Python code. Raises ModelError."""
    return around(model, core(model))


def lowered(model: BuiltModel) -> FusedDetector:
    """The model on fused kernels. Raises Refusal where this processor can't run its form, or ModelError."""
    return fused(model, program.load(model.artifact("onednn")))


def fused(model: BuiltModel, lowered: Lowered) -> FusedDetector:
    """A lowered form of the model. Raises Refusal where this processor can't run it."""
    steps = model.document["preprocessing"]
    shape = (steps["height"], steps["width"], 3)
    return FusedDetector(lowered, shape, steps["mean"], steps["std"], _best(model))


def packs(device: str) -> bool:
    """Its items have one length."""
    return False


def core(model: BuiltModel) -> Core:
    """The network, from normalised images to positions. Raises ModelError."""
    return Core(network(model))


def core_shape(model: BuiltModel) -> Tuple[int, ...]:
    """Of the core's input, without the batch."""
    steps = model.document["preprocessing"]
    return 3, steps["height"], steps["width"]


def around(model: BuiltModel, core: nn.Module) -> Detector:
    """Another form of the core, as a detector."""
    steps = model.document["preprocessing"]
    return Detector(core, _best(model), steps["mean"], steps["std"]).eval()


def judge(model: BuiltModel, cores: Mapping[int, nn.Module], device: torch.device) -> Dict[str, Any]:
    """Each core on views of the probes, by batch size. Raises ModelError where one does not agree."""
    from hotpath.tasks.detection.judging import Judge

    judging = Judge(model, eager(model), device)
    report: Dict[str, Any] = {}
    for size, core in cores.items():
        found, problem = judging.judge(around(model, core).to(device), exact=False, size=size)
        report[str(size)] = found.document()
        if problem:
            raise ModelError(
                f"The form of {model.identity.name} for batches of {size} does not agree with the eager "
                f"model: {problem}.",
                "Use the back end torchscript, or raise the limits in [tolerance] knowingly.",
            )
    return report


def network(model: BuiltModel) -> nn.Module:
    """The network that the architecture names, with the model's weights. Raises ModelError."""
    if model.architecture not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise ModelError(f"There is no architecture {model.architecture!r}.", f"Use one of: {known}.")
    classes, document = _classes(model), model.document
    weights = model.artifact("eager")
    made = ARCHITECTURES[model.architecture](classes).eval()
    if document["layout"]:
        made = fill(made, weights, model.directory / document["layout"])
    else:
        made = fit(made, weights, f"{model.architecture} with {classes} classes")
    if document["preprocessing"]["channel_order"] == "bgr":
        _take_reversed_channels(made)
    return made.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _take_reversed_channels(network: nn.Module) -> None:
    """Let the first convolution have its channels the other way round, which costs pictures nothing."""
    first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    with torch.no_grad():
        first.weight.copy_(first.weight.flip(1))


def _best(model: BuiltModel) -> Best:
    steps = model.document["preprocessing"]
    most = model.document["finding"]["candidates"]
    return Best(_classes(model), most, steps["height"], steps["width"])


def _classes(model: BuiltModel) -> int:
    """How many classes the model tells apart."""
    return len(model.read(model.document["labels"]).decode("utf-8").splitlines())
