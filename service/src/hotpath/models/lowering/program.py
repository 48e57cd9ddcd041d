"""A network as a list of fused steps over named tensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

import torch
from torch import Tensor
from torch.nn import functional

from hotpath.core import ModelError
from hotpath.models import tensors

FORMAT = 1

Pair = Tuple[int, int]
Range = Tuple[float, int]
"""Scale and zero point: the byte q stands for scale * (q - zero point)."""


@dataclass(frozen=True)
class Convolution:
    """target = activation(convolution(source) + residual)."""

    source: str
    target: str
    weight: Tensor
    bias: Tensor
    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int
    residual: Optional[str] = None
    activation: str = "none"
    """none, relu or hardtanh"""
    limits: Tuple[float, ...] = ()
    """hardtanh's two ends"""

    def run(self, values: Mapping[str, Tensor]) -> Tensor:
        """The step in plain float arithmetic: the meaning that every fused form is measured by."""
        found = functional.conv2d(
            values[self.source],
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
        )
        if self.residual is not None:
            found = found + values[self.residual]
        if self.activation == "relu":
            return functional.relu(found)
        return found.clamp(*self.limits) if self.activation == "hardtanh" else found


@dataclass(frozen=True)
class MaxPool:
    """target = the maxima of windows of source."""

    source: str
    target: str
    kernel: Pair
    stride: Pair
    padding: Pair

    def run(self, values: Mapping[str, Tensor]) -> Tensor:
        """The step in any element type."""
        return functional.max_pool2d(values[self.source], self.kernel, self.stride, self.padding)


Step = Union[Convolution, MaxPool]
_STEPS = {"convolution": Convolution, "max_pool": MaxPool}


@dataclass(frozen=True)
class Program:
    """Steps in order, then the mean over height and width of `features`, then one linear layer."""

    entry: str
    steps: Tuple[Step, ...]
    features: str
    weight: Tensor
    """(classes, channels)"""
    bias: Tensor

    def run(self, images: Tensor) -> Tensor:
        """Normalised images (batch, 3, height, width) to logits (batch, classes), in float arithmetic."""
        values = self.values(images)
        return functional.linear(values[self.features].mean((2, 3)), self.weight, self.bias)

    def values(self, images: Tensor) -> Dict[str, Tensor]:
        """Every named tensor on the way."""
        values = {self.entry: images}
        for step in self.steps:
            values[step.target] = step.run(values)
        return values

    def last_uses(self) -> List[Tuple[str, ...]]:
        """For each step the tensors that nothing reads after it, so that their memory can be used again."""
        seen = {self.features}
        ends: List[Tuple[str, ...]] = []
        for step in reversed(self.steps):
            reads = {step.source, getattr(step, "residual", None)} - {None}
            ends.append(tuple(sorted(str(name) for name in reads - seen)))
            seen |= {str(name) for name in reads}
        return ends[::-1]


@dataclass(frozen=True)
class Lowered:
    """A program, the precision it is to run in, and for int8 the range of every tensor."""

    program: Program
    precision: str
    ranges: Mapping[str, Range]

    def save(self, path: Path) -> None:
        """Write it as plain tensors, numbers and texts."""
        program = self.program
        names = {kind: name for name, kind in _STEPS.items()}
        document = {
            "format": FORMAT,
            "precision": self.precision,
            "ranges": dict(self.ranges),
            "entry": program.entry,
            "features": program.features,
            "weight": program.weight,
            "bias": program.bias,
            "steps": [{"kind": names[type(step)], **vars(step)} for step in program.steps],
        }
        torch.save(document, path)


def load(path: Path) -> Lowered:
    """Read what `Lowered.save` wrote. Raises ModelError."""
    try:
        document: Dict[str, Any] = tensors.load(path)
        if document["format"] != FORMAT:
            raise ValueError(f"it has the format {document['format']}, and this service reads {FORMAT}")
        steps = tuple(_STEPS[item.pop("kind")](**item) for item in document["steps"])
        program = Program(
            document["entry"], steps, document["features"], document["weight"], document["bias"]
        )
        return Lowered(program, document["precision"], document["ranges"])
    except Exception as error:  # an unpickler raises whatever the bytes lead it to
        raise ModelError(f"{path} can't be read: {error}.", "Build the model again.") from error
