"""Reads a frozen TorchScript graph into a program, fusing what one kernel can do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Optional, Tuple

import torch
from torch import Tensor
from torch.nn import functional

from hotpath.models.lowering.program import Convolution, MaxPool, Pair, Program, Step


class NotLowerableError(Exception):
    """The network holds something that no step stands for; the message names it."""


class _Shape:
    """Stands for numbers that are computed from a tensor's shape; only reshapes to (batch, -1) use them."""


_SHAPE = _Shape()
_IDENTITIES = ("aten::dropout", "aten::dropout_", "aten::contiguous", "aten::detach")
_FLATTENINGS = ("aten::view", "aten::reshape", "aten::flatten", "aten::squeeze")
_SHAPES = ("aten::size", "prim::NumToTensor", "aten::Int")


def lower(module: torch.jit.ScriptModule) -> Program:
    """The program of a frozen network from (batch, 3, height, width) to logits. Raises NotLowerableError."""
    try:
        return Reader(module.graph).read()
    except UNKNOWN as error:
        raise NotLowerableError(f"it uses an operation in an unknown way ({error})") from error


UNKNOWN = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""Of a known operation with inputs that no network at hand has: computed weights, optional arguments."""


class Reader:
    """Walks the graph once. Tensors are named as in the graph; constants are kept as their values."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._known: Dict[str, Any] = {}
        self._readers: Dict[str, int] = {}
        self._alias: Dict[str, str] = {}
        self._steps: List[Step] = []
        self._paddings: Dict[str, Tuple[str, Tuple[int, int, int, int]]] = {}
        self._features: Optional[str] = None
        self._pooled: Optional[str] = None
        self._head: Optional[Tuple[Tensor, Tensor]] = None
        self._handlers: Dict[str, Callable[[List[Any], str], None]] = {
            "aten::_convolution": self._convolution,
            "aten::conv2d": self._convolution,
            "aten::pad": self._pad,
            "aten::constant_pad_nd": self._pad,
            "aten::relu": lambda inputs, target: self._activate(inputs[0], target, "relu", ()),
            "aten::hardtanh": self._hardtanh,
            "aten::relu6": lambda inputs, target: self._activate(inputs[0], target, "hardtanh", (0.0, 6.0)),
            "aten::add": self._add,
            "aten::max_pool2d": self._max_pool,
            "aten::adaptive_avg_pool2d": self._pool,
            "aten::mean": self._mean,
            "aten::linear": self._linear,
            **dict.fromkeys(_IDENTITIES, self._pass_on),
            **dict.fromkeys(_FLATTENINGS, self._flatten),
            **self.more_handlers(),
        }

    def more_handlers(self) -> Dict[str, Callable[[List[Any], str], None]]:
        """By operation: what takes its inputs and the name of its output."""
        return {}

    def read(self) -> Program:
        """The whole walk. Raises NotLowerableError."""
        entry = self._walk()
        if self._features is None or self._head is None or self._paddings:
            raise NotLowerableError("it does not end in an average over the picture and one linear layer")
        return Program(entry, tuple(self._steps), (self._features,), self._head)

    def _walk(self) -> str:
        entry = next(value for value in self._graph.inputs() if str(value.type()) == "Tensor").debugName()
        self._alias[entry] = entry
        for node in self._graph.nodes():
            for value in node.inputs():
                self._readers[value.debugName()] = self._readers.get(value.debugName(), 0) + 1
        for node in self._graph.nodes():
            self._take(node)
        return str(entry)

    def _take(self, node: Any) -> None:
        kind = node.kind()
        names = [value.debugName() for value in node.inputs()]
        if kind == "prim::Constant":
            self._known[node.output().debugName()] = node.output().toIValue()
            return
        if kind == "prim::ListConstruct":
            self._known[node.output().debugName()] = [
                self._known.get(name, self._alias.get(name, _SHAPE)) for name in names
            ]
            return
        product = kind == "aten::mul" and all(
            isinstance(self._known.get(name), (_Shape, int)) for name in names
        )
        if kind in _SHAPES or product:
            self._known[node.output().debugName()] = _SHAPE
            return
        handler = self._handlers.get(kind[:-1] if kind.endswith("_") else kind)
        if handler is None or self._head is not None:
            raise NotLowerableError(f"it holds {kind}")
        inputs = [self._known[name] if name in self._known else self._alias.get(name, name) for name in names]
        handler(inputs, node.output().debugName())

    def _convolution(self, inputs: List[Any], target: str) -> None:
        source, weight, bias, stride, padding, dilation = inputs[:6]
        transposed, groups = (inputs[6], inputs[8]) if len(inputs) > 7 else (False, inputs[6])
        if transposed or not isinstance(weight, Tensor) or weight.dim() != 4 or isinstance(padding, str):
            raise NotLowerableError("it holds a convolution that is not a plain two-dimensional one")
        weight = weight.detach().float()
        bias = torch.zeros(weight.shape[0]) if bias is None else bias.detach().float()
        margins = (padding[0], padding[0], padding[1], padding[1])
        if source in self._paddings:
            source, more = self._paddings.pop(source)
            margins = tuple(a + b for a, b in zip(margins, more))
        if set(dilation) != {1} and (margins[0] != margins[1] or margins[2] != margins[3]):
            raise NotLowerableError("it holds a dilated convolution with unequal margins")
        weight, padding = _symmetric(weight, margins)
        step = Convolution(source, target, weight, bias, _pair(stride), padding, _pair(dilation), int(groups))
        self._append(step)

    def _pad(self, inputs: List[Any], target: str) -> None:
        source, amounts = inputs[:2]
        zero = inputs[-1] in (None, 0, 0.0) and (len(inputs) < 4 or inputs[2] == "constant")
        if not zero or len(amounts) != 4 or min(amounts) < 0 or self._readers[target] != 1:
            raise NotLowerableError("it holds a padding other than zeros around a convolution's input")
        left, right, top, bottom = amounts
        self._paddings[target] = (source, (top, bottom, left, right))
        self._alias[target] = target

    def _hardtanh(self, inputs: List[Any], target: str) -> None:
        self._activate(inputs[0], target, "hardtanh", (float(inputs[1]), float(inputs[2])))

    def _activate(self, source: str, target: str, name: str, limits: Tuple[float, ...]) -> None:
        step = self._fusable(source)
        if step is None:
            raise NotLowerableError(f"it holds a {name} that does not follow a convolution")
        self._replace(step, replace(step, target=target, activation=name, limits=limits))

    def _add(self, inputs: List[Any], target: str) -> None:
        if inputs[2] != 1 or not all(isinstance(value, str) for value in inputs[:2]):
            raise NotLowerableError("it holds an addition other than of two tensors")
        order = {step.target: place for place, step in enumerate(self._steps)}
        # The later of the two is the one that can take the other in.
        residual, source = sorted(inputs[:2], key=lambda name: order.get(name, -1))
        step = self._fusable(source)
        if step is None or step.residual is not None or residual == source:
            raise NotLowerableError("it holds an addition that does not follow a convolution")
        self._replace(step, replace(step, target=target, residual=residual))

    def _max_pool(self, inputs: List[Any], target: str) -> None:
        source, kernel, stride, padding, dilation, ceil = inputs
        if list(dilation) not in ([1], [1, 1]) or ceil:
            raise NotLowerableError("it holds a max-pool with dilation or ceil mode")
        step = MaxPool(source, target, _pair(kernel), _pair(stride or kernel), _pair(padding))
        self._append(step)

    def _pool(self, inputs: List[Any], target: str) -> None:
        if list(inputs[1]) not in ([1], [1, 1]) or self._features is not None:
            raise NotLowerableError("it holds an average-pool that is not over the whole picture")
        self._features, self._pooled = inputs[0], target

    def _mean(self, inputs: List[Any], target: str) -> None:
        if sorted(axis % 4 for axis in inputs[1]) != [2, 3] or self._features is not None:
            raise NotLowerableError("it holds a mean that is not over the whole picture")
        self._features, self._pooled = inputs[0], target

    def _flatten(self, inputs: List[Any], target: str) -> None:
        if inputs[0] != self._pooled:
            raise NotLowerableError("it holds a reshape before its average over the picture")
        self._pooled = target

    def _pass_on(self, inputs: List[Any], target: str) -> None:
        if inputs[0] == self._pooled:
            self._pooled = target
        self._alias[target] = inputs[0]

    def _linear(self, inputs: List[Any], target: str) -> None:
        source, weight, bias = inputs
        if source != self._pooled:
            raise NotLowerableError("it holds a linear layer before its average over the picture")
        bias = torch.zeros(weight.shape[0]) if bias is None else bias.detach().float()
        self._head = (weight.detach().float(), bias)

    def _fusable(self, name: str) -> Optional[Convolution]:
        """The convolution that makes `name`, when nothing else reads it and it has no activation yet."""
        for step in self._steps:
            if step.target == name and isinstance(step, Convolution) and step.activation == "none":
                return step if self._readers.get(name) == 1 else None
        return None

    def _append(self, step: Step) -> None:
        if self._paddings.keys() & {*step.sources}:
            raise NotLowerableError("it holds a padding that is not before a convolution")
        self._steps.append(step)
        self._alias[step.target] = step.target

    def _replace(self, old: Convolution, new: Convolution) -> None:
        self._steps[self._steps.index(old)] = new
        self._alias[new.target] = new.target


def _pair(value: Any) -> Pair:
    numbers = [value] * 2 if isinstance(value, int) else list(value) * 2
    return int(numbers[0]), int(numbers[1])


def _symmetric(weight: Tensor, margins: Tuple[int, int, int, int]) -> Tuple[Tensor, Pair]:
    """Weight and padding for the same result with equal margins on both sides.

    A kernel pads by the same amount before and after. Where the network does not (TensorFlow's "same"), the
    larger amount is taken, and zeros in the weights cancel what it adds: cheaper than a padded copy.
    """
    top, bottom, left, right = margins
    tall, wide = max(top, bottom), max(left, right)
    grown = functional.pad(weight, (wide - left, wide - right, tall - top, tall - bottom))
    return grown, (tall, wide)
