"""A lowered program on oneDNN's fused kernels: a convolution, its addition and its activation are one call.

The operators are those that torch's own compiler emits for processors. They carry no promise between versions
of torch, so `unusable` asks for them first, and a build compares what they compute.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, FrozenSet, List, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hotpath.core import Refusal
from hotpath.models.lowering.program import Convolution, Lowered, MaxPool, Rearrangement, Step
from hotpath.models.lowering.ranges import byte_weights, pixel_range

PRECISIONS = ("float32", "bfloat16", "int8")

_OPERATORS = {
    "float32": ("mkldnn::_convolution_pointwise", "mkldnn::_reorder_convolution_weight"),
    "bfloat16": ("mkldnn::_convolution_pointwise", "mkldnn::_reorder_convolution_weight"),
    "int8": ("onednn::qconv2d_pointwise", "onednn::qconv_prepack"),
}
_INSTRUCTIONS = {
    "float32": frozenset(),
    "bfloat16": frozenset({"avx512_bf16", "amx_bf16"}),
    # Without one of these, sums of byte products saturate half-way.
    "int8": frozenset({"avx512_vnni", "avx_vnni", "amx_int8"}),
}
"""A precision needs one of its instruction sets; emulating them would be slow, and for int8 wrong."""
_FLOATS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_BATCH = 8
"""Weights are laid out for batches of about this size; any other runs too."""

Call = Callable[[Dict[str, Tensor]], Tensor]


def unusable(precision: str, flags: Optional[FrozenSet[str]] = None) -> str:
    """Why torch and a processor (by default this one) can't run a precision; empty when they can."""
    for name in _OPERATORS[precision]:
        namespace, _, operator = name.partition("::")
        if not hasattr(getattr(torch.ops, namespace), operator):
            return f"torch {torch.__version__} has no operator {name}"
    wanted = _INSTRUCTIONS[precision]
    if wanted and not wanted & (processor_flags() if flags is None else flags):
        return f"this processor has none of {', '.join(sorted(wanted))}"
    return ""


def processor_flags() -> FrozenSet[str]:
    """The instruction sets that the kernel names for the first processor."""
    lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    return frozenset(next((line for line in lines if line.startswith("flags")), "").split())


class FusedNetwork(nn.Module):
    """A program on fused kernels: uint8 (batch, height, width, 3) to its outputs, float32."""

    def __init__(
        self,
        lowered: Lowered,
        shape: Tuple[int, int, int],
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        """Lay the weights out for this processor. Raises Refusal where it can't run the precision."""
        super().__init__()
        reason = unusable(lowered.precision)
        if reason:
            raise Refusal(
                f"The model was built for {lowered.precision} on oneDNN, and {reason}.",
                "Build it on this machine, or with a precision that the machine has.",
            )
        self._program = lowered.program
        self._ranges = dict(lowered.ranges)
        self._int8 = lowered.precision == "int8"
        self._dtype = _FLOATS.get(lowered.precision, torch.float32)
        # A row of pixels wide: with one value a channel, torch would compute three numbers at a time.
        self._mean = torch.tensor(mean).repeat(shape[1])
        self._std = torch.tensor(std).repeat(shape[1])
        if self._int8:
            self._ranges[self._program.entry] = pixel_range(mean, std)
        scale, zero = self._ranges.get(self._program.entry, (0.0, 0))
        self._pixels_as_they_are = self._int8 and all(m == zero and 1 / s == scale for m, s in zip(mean, std))
        self._plan = self._prepare(shape)

    def forward(self, pixels: Tensor) -> Tuple[Tensor, ...]:
        """Normalise, run the network."""
        program = self._program
        values = {program.entry: self._normalise(pixels).permute(0, 3, 1, 2)}
        for target, call, ends in self._plan:
            values[target] = call(values)
            for name in ends:
                del values[name]
        if program.head is None:
            return tuple(values[name].float() for name in program.outputs)
        pooled = values[program.outputs[0]].mean((2, 3), dtype=torch.float32)
        if self._int8:
            scale, zero = self._ranges[program.outputs[0]]
            pooled = (pooled - zero) * scale
        return (functional.linear(pooled, *program.head),)

    def _normalise(self, pixels: Tensor) -> Tensor:
        """Pixels to the first step's input, in the pixels' own order."""
        if self._pixels_as_they_are:
            return pixels
        normal = pixels.flatten(2).to(torch.float32).sub_(self._mean).div_(self._std)
        if self._int8:
            scale, zero = self._ranges[self._program.entry]
            normal.div_(scale).add_(zero).round_().clamp_(0, 255)
        return normal.to(torch.uint8 if self._int8 else self._dtype).view(pixels.shape)

    def _prepare(self, shape: Tuple[int, int, int]) -> List[Tuple[str, Call, Tuple[str, ...]]]:
        sizes: Dict[str, Tuple[int, ...]] = {self._program.entry: (_BATCH, shape[2], shape[0], shape[1])}
        plan: List[Tuple[str, Call, Tuple[str, ...]]] = []
        for step, ends in zip(self._program.steps, self._program.last_uses()):
            sizes[step.target] = _size_after(step, [sizes[name] for name in step.sources])
            if isinstance(step, Rearrangement):
                call: Call = step.run
            elif isinstance(step, MaxPool):
                call = _pool_bytes(step) if self._int8 else step.run
            elif self._int8:
                call = self._bytes_call(step, sizes[step.source], frees_residual=step.residual in ends)
            else:
                call = self._float_call(step, sizes[step.source])
            plan.append((step.target, call, ends))
        return plan

    def _float_call(self, step: Convolution, size: Tuple[int, ...]) -> Call:
        operator = torch.ops.mkldnn._convolution_pointwise
        weight = step.weight.to(self._dtype).contiguous(memory_format=torch.channels_last)
        geometry = (step.padding, step.stride, step.dilation, step.groups)
        packed = torch.ops.mkldnn._reorder_convolution_weight(weight, *geometry, size)
        bias = step.bias.to(self._dtype)
        source, residual, limits = step.source, step.residual, list(step.limits)
        if residual is None:
            fixed = (packed, bias, *geometry, step.activation, limits, "")
            return lambda values: operator.default(values[source], *fixed)
        activation = None if step.activation == "none" else step.activation
        added = (packed, bias, *geometry, "add", None, activation, limits, "")
        return lambda values: operator.binary(values[source], values[residual], *added)

    def _bytes_call(self, step: Convolution, size: Tuple[int, ...], frees_residual: bool) -> Call:
        operator = torch.ops.onednn.qconv2d_pointwise
        scale, zero = self._ranges[step.source]
        weight, weight_scales = byte_weights(step.weight)
        geometry: Tuple[Any, ...] = (step.stride, step.padding, step.dilation, step.groups)
        packed = torch.ops.onednn.qconv_prepack(weight, weight_scales, scale, zero, *geometry, size)
        weight_zeros = torch.zeros(len(weight_scales), dtype=torch.int32)
        before = (scale, zero, packed, weight_scales, weight_zeros)
        after = (step.bias, *geometry, *self._ranges[step.target], torch.uint8)
        source, residual, limits = step.source, step.residual, list(step.limits)
        if residual is None:
            return lambda values: operator.default(
                values[source], *before, *after, step.activation, limits, ""
            )
        sum_range = self._ranges[residual]

        def add(values: Dict[str, Tensor]) -> Tensor:
            # The kernel writes its result over the tensor that it adds.
            taken = values[residual] if frees_residual else values[residual].clone()
            return operator.binary(  # type: ignore[no-any-return]
                values[source], *before, taken, *after, *sum_range, "sum", 1.0, step.activation, limits, ""
            )

        return add


def _pool_bytes(step: MaxPool) -> Call:
    """torch's own max_pool2d indexes with the type of its elements, and a byte counts only to 255."""
    window = (step.kernel, step.stride, step.padding, (1, 1), False)
    return lambda values: torch.ops.quantized.max_pool2d(values[step.source], *window)


def _size_after(step: Step, sources: Sequence[Tuple[int, ...]]) -> Tuple[int, ...]:
    size = sources[0]
    if isinstance(step, Rearrangement):
        height, width = size[2:]
        if step.how == "concatenation":
            return size[0], sum(one[1] for one in sources), height, width
        if step.how == "enlargement":
            return (*size[:2], height * step.factor, width * step.factor)
        return (*size[:2], height // step.factor, width // step.factor)
    kernel: Sequence[int]
    if isinstance(step, MaxPool):
        channels, kernel, dilation = size[1], step.kernel, (1, 1)
    else:
        channels, kernel, dilation = step.weight.shape[0], step.weight.shape[2:], step.dilation
    sides = [
        (side + 2 * margin - reach * (width - 1) - 1) // stride + 1
        for side, margin, reach, width, stride in zip(size[2:], step.padding, dilation, kernel, step.stride)
    ]
    return (size[0], channels, *sides)
