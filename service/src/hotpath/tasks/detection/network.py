"""Object detectors in torch: the whole way from pixels to the best candidates, in each form of a network."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Tuple

import torch
from torch import Tensor, nn

from hotpath.core import ModelError
from hotpath.models.built import BuiltModel
from hotpath.models.lowering import program
from hotpath.models.lowering.fused import FusedNetwork
from hotpath.models.lowering.program import Lowered
from hotpath.models.reduced import Reduced
from hotpath.models.weights import fit, scripted, tried
from hotpath.tasks.detection.best import Best, Corners, Distributions, Outputs, positions
from hotpath.tasks.detection.nanodet import NanoDet
from hotpath.tasks.detection.weights import fill

ARCHITECTURES: Dict[str, Callable[[int], nn.Module]] = {"nanodet_g": NanoDet}
"""Networks from normalised images to maps, by the number of classes."""

TORCHSCRIPT = "torchscript"
"""Not an architecture: the weights file brings its network, from normalised images to boxes and logits."""


class Core(nn.Module):
    """A network whose maps are one tensor: (batch, positions, classes + 4 * BINS), the finest map first."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (batch, 3, height, width) to what is said of each position."""
        return positions(self.network(images))


class Rows(nn.Module):
    """A network of somebody's own, boxes and logits as one tensor: (batch, positions, classes + 4)."""

    def __init__(self, network: nn.Module, is_reversed: bool) -> None:
        super().__init__()
        self.network = network
        self._is_reversed = is_reversed

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (batch, 3, height, width), red first, to what is said of each position."""
        boxes, logits = self.network(images.flip(1) if self._is_reversed else images)
        return torch.cat((logits, boxes), 2)


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


def reduced(model: BuiltModel, precision: str) -> Detector:
    """The detector with its core in this precision. Raises ModelError."""
    return around(model, Reduced(core(model), precision))


def packs(device: str) -> bool:
    """Its items have one length."""
    return False


def core(model: BuiltModel) -> nn.Module:
    """The network, from normalised images to positions. Raises ModelError."""
    if model.architecture != TORCHSCRIPT:
        return Core(network(model))
    own = scripted(model.artifact("eager"))
    _try(own, (2, *core_shape(model)), _classes(model), model.document["finding"]["candidates"])
    return Rows(own, model.document["preprocessing"]["channel_order"] == "bgr")


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
        known = ", ".join(sorted([*ARCHITECTURES, TORCHSCRIPT]))
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


def _try(own: nn.Module, shape: Tuple[int, ...], classes: int, candidates: int) -> None:
    """Run a network that somebody else made on black images. Raises ModelError."""
    found = tried(own, shape)
    if isinstance(found, (tuple, list)) and len(found) == 2 and all(isinstance(one, Tensor) for one in found):
        said = " and ".join(str(tuple(one.shape)) for one in found)
        count = found[0].shape[1] if found[0].ndim == 3 else 0
        wanted = [(shape[0], count, 4), (shape[0], count, classes)]
        if count >= candidates and [tuple(one.shape) for one in found] == wanted:
            return
    else:
        said = f"a {type(found).__name__}"
    raise ModelError(
        f"The network answers {shape[0]} images with {said}; wanted are boxes ({shape[0]}, n, 4) and logits "
        f"({shape[0]}, n, {classes}), a column for each label, n at least {candidates}, the candidates.",
        "Return the two, and write the labels that belong to them; or lower candidates in model.toml.",
    )


def _best(model: BuiltModel) -> Best:
    steps = model.document["preprocessing"]
    boxes = Corners() if model.architecture == TORCHSCRIPT else Distributions(steps["height"], steps["width"])
    return Best(_classes(model), model.document["finding"]["candidates"], boxes)


def _classes(model: BuiltModel) -> int:
    """How many classes the model tells apart."""
    return len(model.read(model.document["labels"]).decode("utf-8").splitlines())
