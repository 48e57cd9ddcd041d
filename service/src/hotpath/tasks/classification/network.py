"""Image classifiers in torch: the whole way from pixels to the best classes, in each form of the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

import torch
from torch import Tensor, nn

from hotpath.codec import ImageSpec
from hotpath.core import ModelError
from hotpath.models.architectures import ARCHITECTURES
from hotpath.models.built import BuiltModel
from hotpath.models.lowering import program
from hotpath.models.lowering.fused import FusedNetwork
from hotpath.models.lowering.program import Lowered
from hotpath.models.reduced import Reduced
from hotpath.models.weights import fit, scripted, tried

TORCHSCRIPT = "torchscript"
"""The architecture of a weights file that brings its own."""

_CROPS = 24
"""Of each probe, to judge a form for GPUs by."""


class Classifier(nn.Module):
    """Pixels to probabilities, so that nothing of the preprocessing is left to the caller's arithmetic.

    Input: uint8 of shape (batch, height, width, 3). Output: (scores, classes), each (batch, top_k), best
    first. The permutation leaves the memory as it is, which makes the network's input channels-last for free.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: List[float], std: List[float], top_k: int) -> None:
        super().__init__()
        self.network = network
        self.top_k = top_k
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def normalise(self, pixels: Tensor) -> Tensor:
        """Pixels to the network's input, float32 of shape (batch, 3, height, width)."""
        images = pixels.permute(0, 3, 1, 2).to(torch.float32)
        return (images - self.mean) / self.std

    def forward(self, pixels: Tensor) -> Tuple[Tensor, Tensor]:
        """Normalise, run the network, rank."""
        return _rank(self.network(self.normalise(pixels)), self.top_k)


class FusedClassifier(nn.Module):
    """As `Classifier`, of a network that normalises for itself while it brings pixels into its own type."""

    def __init__(
        self, lowered: Lowered, shape: Tuple[int, int, int], mean: List[float], std: List[float], top_k: int
    ) -> None:
        """Raises Refusal where this processor can't run the form."""
        super().__init__()
        self._network = FusedNetwork(lowered, shape, mean, std)
        self._top_k = top_k

    def forward(self, pixels: Tensor) -> Tuple[Tensor, Tensor]:
        """Run the network, rank."""
        (logits,) = self._network(pixels)
        return _rank(logits, self._top_k)


def _rank(logits: Tensor, top_k: int) -> Tuple[Tensor, Tensor]:
    scores, classes = torch.softmax(logits, dim=1).topk(top_k, dim=1)
    return scores, classes


def eager(model: BuiltModel) -> Classifier:
    """The model as its architecture's Python code. Raises ModelError."""
    return _restored(model, model.document["top_k"])


def lowered(model: BuiltModel) -> FusedClassifier:
    """The model on fused kernels. Raises Refusal where this processor can't run its form, or ModelError."""
    steps = model.document["preprocessing"]
    shape = (steps["height"], steps["width"], 3)
    lowered = program.load(model.artifact("onednn"))
    return FusedClassifier(lowered, shape, steps["mean"], steps["std"], model.document["top_k"])


def reduced(model: BuiltModel, precision: str) -> Classifier:
    """The classifier with its core in this precision. Raises ModelError."""
    return around(model, Reduced(core(model), precision))


def packs(device: str) -> bool:
    """Its items have one length, or are filled up."""
    return False


def core(model: BuiltModel) -> nn.Module:
    """The network, from normalised images (batch, 3, height, width) to logits. Raises ModelError."""
    return eager(model).network


def core_shape(model: BuiltModel) -> Tuple[int, ...]:
    """Of the core's input, without the batch."""
    steps = model.document["preprocessing"]
    return 3, steps["height"], steps["width"]


def around(model: BuiltModel, core: nn.Module) -> Classifier:
    """Another form of the core, as a classifier."""
    return _around(model, core, model.document["top_k"])


def judge(model: BuiltModel, cores: Mapping[int, nn.Module], device: torch.device) -> Dict[str, Any]:
    """Each core on crops of the probes, by batch size. Raises ModelError where one does not agree."""
    from hotpath.tasks.classification.agreement import compare, probabilities
    from hotpath.tasks.crops import crops

    classes = _labels(model)
    photographs = [model.directory / probe["file"] for probe in model.document["probes"]]
    spec = ImageSpec.from_dict(model.document["preprocessing"])
    pictures = torch.from_numpy(crops(photographs, spec, _CROPS, seed=1)).to(device)
    wanted = probabilities(_restored(model, classes).to(device), pictures)
    tolerance = model.document["tolerance"]
    report: Dict[str, Any] = {}
    for size, core in cores.items():
        form = _around(model, core, classes).to(device)
        found = compare(wanted, probabilities(form, pictures, size))
        report[str(size)] = found.document()
        if (
            found.decided_same_top1 < tolerance["top1"]
            or found.mean_difference > tolerance["mean"]
            or found.largest_difference > tolerance["largest"]
        ):
            raise ModelError(
                f"The form of {model.identity.name} for batches of {size} does not agree with the "
                f"eager model: {found.decided_same_top1:.1%} of {found.decided} decided crops keep their "
                f"best class, probabilities differ by {found.mean_difference:.3f} on average and "
                f"{found.largest_difference:.3f} at most.",
                "Use the back end torchscript, or raise the limits in [tolerance] knowingly.",
            )
    return report


def _restored(model: BuiltModel, top_k: int) -> Classifier:
    steps = model.document["preprocessing"]
    weights = model.artifact("eager")
    return restore(model.architecture, weights, _labels(model), steps["mean"], steps["std"], top_k)


def _around(model: BuiltModel, core: nn.Module, top_k: int) -> Classifier:
    steps = model.document["preprocessing"]
    return Classifier(core, steps["mean"], steps["std"], top_k).eval()


def _labels(model: BuiltModel) -> int:
    """How many classes the model tells apart."""
    return len((model.directory / model.document["labels"]).read_text(encoding="utf-8").splitlines())


def restore(
    architecture: str, weights: Path, classes: int, mean: List[float], std: List[float], top_k: int
) -> Classifier:
    """The eager classifier with its weights, ready for inference. Raises ModelError."""
    if architecture != TORCHSCRIPT and architecture not in ARCHITECTURES:
        known = ", ".join(sorted([*ARCHITECTURES, TORCHSCRIPT]))
        raise ModelError(f"There is no architecture {architecture!r}.", f"Use one of: {known}.")
    if top_k > classes:
        raise ModelError(
            f"top_k = {top_k} of model.toml is more than the {classes} classes of its labels.",
            "Lower top_k, or complete the labels.",
        )
    network = (
        scripted(weights)
        if architecture == TORCHSCRIPT
        else fit(ARCHITECTURES[architecture](classes), weights, f"{architecture} with {classes} classes")
    )
    classifier = Classifier(network, mean, std, top_k).eval()
    if architecture == TORCHSCRIPT:
        return classifier  # its layout is its own
    return classifier.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def try_network(network: nn.Module, height: int, width: int, classes: int) -> None:
    """Run a network that somebody else made on two black images. Raises ModelError."""
    found = tried(network, (2, 3, height, width))
    kind = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"type {type(found).__name__}"
    if kind != f"shape {(2, classes)}":
        raise ModelError(
            f"The network's answer to two images has the {kind}; its labels ask for shape {(2, classes)}.",
            "Give a network that returns logits, and the labels that belong to it.",
        )
