"""What an 8-bit form of a program needs to know of real images, and what it does to the weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import Iterable, Mapping, Sequence, Tuple

import torch
from torch import Tensor

from hotpath.models.lowering.program import (
    Convolution,
    Lowered,
    MaxPool,
    Program,
    Range,
    Rearrangement,
    Step,
)

_LEVELS = 255
_WEIGHT_LEVELS = 127


@dataclass(frozen=True)
class Seen:
    """What some images made of every tensor of a program."""

    images: int
    ends: Mapping[str, Tuple[float, float]]
    """The smallest and the largest value, 0 included."""
    sums: Mapping[str, Tensor]
    """By channel: the sum over the images of the mean value."""

    def and_of(self, other: Seen) -> Seen:
        """What these images and others make together."""
        ends = {
            name: (min(low, other.ends[name][0]), max(high, other.ends[name][1]))
            for name, (low, high) in self.ends.items()
        }
        sums = {name: values + other.sums[name] for name, values in self.sums.items()}
        return Seen(self.images + other.images, ends, sums)


def look(program: Program, batches: Iterable[Tensor]) -> Seen:
    """Run a program on normalised images (batch, 3, height, width)."""
    return reduce(Seen.and_of, (_seen(program, images) for images in batches))


def _seen(program: Program, images: Tensor) -> Seen:
    with torch.inference_mode():
        values = program.values(images)
        ends = {
            name: (min(0.0, float(tensor.min())), max(0.0, float(tensor.max())))
            for name, tensor in values.items()
        }
        sums = {name: tensor.mean((2, 3)).sum(0) for name, tensor in values.items()}
    return Seen(len(images), ends, sums)


def quantise(program: Program, seen: Seen) -> Lowered:
    """The 8-bit form of a program for images like those that were seen.

    A range holds 0 exactly, because padding and ReLU make zeros, and every value seen: leaving out the
    largest ten-thousandth changed as many answers. What rounding the weights adds to a layer's mean output is
    taken off its bias (Nagel et al., arXiv 1906.04721, section 4.2): without that, three times
    as many answers changed. Raises ValueError for a program that puts tensors together, whose ranges differ.
    """
    for step in program.steps:
        if isinstance(step, Rearrangement):
            raise ValueError(f"the program holds a {step.how}, which has no 8-bit form")
    with torch.inference_mode():
        steps = [_corrected(step, seen.sums[step.sources[0]] / seen.images) for step in program.steps]
    ranges = {name: _range(*pair) for name, pair in seen.ends.items()}
    for step in steps:
        if isinstance(step, MaxPool):  # it moves bytes, and so keeps their meaning
            ranges[step.target] = ranges[step.source]
    return Lowered(replace(program, steps=tuple(steps)), "int8", ranges)


def byte_weights(weight: Tensor) -> Tuple[Tensor, Tensor]:
    """Weights as signed bytes, and the scale of each output channel."""
    scales = weight.abs().amax((1, 2, 3)).clamp_min(1e-12) / _WEIGHT_LEVELS
    rounded = (weight / scales.view(-1, 1, 1, 1)).round().clamp(-_WEIGHT_LEVELS, _WEIGHT_LEVELS)
    return rounded.to(torch.int8), scales


def pixel_range(mean: Sequence[float], std: Sequence[float]) -> Range:
    """The range in which normalised pixels are kept as bytes.

    Where all channels have one standard deviation and one whole mean, as EfficientNet-Lite's have, that is
    the pixel itself: normalising costs nothing and loses nothing.
    """
    if len(set(mean)) == len(set(std)) == 1 and mean[0] == int(mean[0]) and 0 <= mean[0] <= _LEVELS:
        return 1.0 / std[0], int(mean[0])
    return _range(
        min(0.0, *(-m / s for m, s in zip(mean, std))),
        max(0.0, *((_LEVELS - m) / s for m, s in zip(mean, std))),
    )


def _corrected(step: Step, means: Tensor) -> Step:
    """The step without the mean effect of rounding its weights; `means` are of its input channels."""
    if not isinstance(step, Convolution):
        return step
    rounded, scales = byte_weights(step.weight)
    error = (rounded.float() * scales.view(-1, 1, 1, 1) - step.weight).sum((2, 3))
    return replace(step, bias=step.bias - _grouped(error, means, step))


def _grouped(error: Tensor, means: Tensor, step: Convolution) -> Tensor:
    """error (outputs, inputs / groups) times the means of the inputs that each output sees."""
    inputs = means.view(step.groups, -1).repeat_interleave(len(error) // step.groups, 0)
    return (error * inputs).sum(1)


def _range(low: float, high: float) -> Range:
    scale = max(high - low, 1e-8) / _LEVELS
    return scale, round(-low / scale)
