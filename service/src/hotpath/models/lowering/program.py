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
    """none, relu, hardtanh or leaky_relu"""
    limits: Tuple[float, ...] = ()
    """hardtanh's two ends, or leaky_relu's slope"""

    @property
    def sources(self) -> Tuple[str, ...]:
        """What it reads."""
        return (self.source,) if self.residual is None else (self.source, self.residual)

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
        if self.activation == "leaky_relu":
            return functional.leaky_relu(found, self.limits[0])
        return found.clamp(*self.limits) if self.activation == "hardtanh" else found


@dataclass(frozen=True)
class MaxPool:
    """target = the maxima of windows of source."""

    source: str
    target: str
    kernel: Pair
    stride: Pair
    padding: Pair

    @property
    def sources(self) -> Tuple[str, ...]:
        """What it reads."""
        return (self.source,)

    def run(self, values: Mapping[str, Tensor]) -> Tensor:
        """The step in any element type."""
        return functional.max_pool2d(values[self.source], self.kernel, self.stride, self.padding)


@dataclass(frozen=True)
class Rearrangement:
    """target = its sources put together or resized, in a float type."""

    sources: Tuple[str, ...]
    target: str
    how: str
    """concatenation, of channels; sum; enlargement, bilinear; or average, over windows beside each other"""
    factor: int = 1
    """By which an enlargement's sides grow, and an average's shrink."""

    def run(self, values: Mapping[str, Tensor]) -> Tensor:
        """The step in the type of its sources."""
        first, *others = (values[name] for name in self.sources)
        if self.how == "concatenation":
            return torch.cat((first, *others), 1)
        if self.how == "sum":
            return first + others[0]
        if self.how == "average":
            return functional.avg_pool2d(first, self.factor)
        size = [side * self.factor for side in first.shape[2:]]
        return functional.interpolate(first, size, mode="bilinear", align_corners=False)


Step = Union[Convolution, MaxPool, Rearrangement]
_STEPS = {"convolution": Convolution, "max_pool": MaxPool, "rearrangement": Rearrangement}

Head = Tuple[Tensor, Tensor]
"""Weight (classes, channels) and bias of a linear layer behind the mean over height and width."""


@dataclass(frozen=True)
class Program:
    """Steps in order, and what of their tensors comes out: maps, or the logits that a head makes of one."""

    entry: str
    steps: Tuple[Step, ...]
    outputs: Tuple[str, ...]
    head: Optional[Head] = None
    """Of a program with one output."""

    def run(self, images: Tensor) -> Tuple[Tensor, ...]:
        """Normalised images (batch, 3, height, width) to the outputs, in float arithmetic."""
        values = self.values(images)
        found = tuple(values[name] for name in self.outputs)
        return found if self.head is None else (functional.linear(found[0].mean((2, 3)), *self.head),)

    def values(self, images: Tensor) -> Dict[str, Tensor]:
        """Every named tensor on the way."""
        values = {self.entry: images}
        for step in self.steps:
            values[step.target] = step.run(values)
        return values

    def last_uses(self) -> List[Tuple[str, ...]]:
        """For each step the tensors that nothing reads after it, so that their memory can be used again."""
        seen = set(self.outputs)
        ends: List[Tuple[str, ...]] = []
        for step in reversed(self.steps):
            ends.append(tuple(sorted({*step.sources} - seen)))
            seen |= {*step.sources}
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
            **(
                {"outputs": program.outputs}
                if program.head is None
                else dict(zip(("features", "weight", "bias"), (*program.outputs, *program.head)))
            ),
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
        maps = document.get("outputs")
        head = None if maps else (document["weight"], document["bias"])
        program = Program(document["entry"], steps, maps or (document["features"],), head)
        return Lowered(program, document["precision"], document["ranges"])
    except Exception as error:  # an unpickler raises whatever the bytes lead it to
        raise ModelError(f"{path} can't be read: {error}.", "Build the model again.") from error
