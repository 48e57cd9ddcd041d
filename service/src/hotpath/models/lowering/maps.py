"""Reads networks that end in maps, as those that look for objects do."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Sequence

import torch

from hotpath.models.lowering.graph import UNKNOWN, NotLowerableError, Reader
from hotpath.models.lowering.program import Program, Rearrangement


def lower_maps(module: torch.jit.ScriptModule) -> Program:
    """The program of a frozen network from (batch, 3, height, width) to a tuple of maps.

    What lies between its convolutions is kept as it is where none of them can take it in. Raises
    NotLowerableError.
    """
    try:
        return _MapsReader(module.graph).read()
    except UNKNOWN as error:
        raise NotLowerableError(f"it uses an operation in an unknown way ({error})") from error


class _MapsReader(Reader):
    def more_handlers(self) -> Dict[str, Callable[[List[Any], str], None]]:
        """LeakyReLU, what pyramids are made of, and the tuple at the end."""
        return {
            "aten::leaky_relu": self._leaky_relu,
            "aten::add": self._sum,
            "aten::cat": self._concatenate,
            "aten::upsample_bilinear2d": self._enlarge,
            "aten::avg_pool2d": self._average,
            "prim::TupleConstruct": self._end,
        }

    def read(self) -> Program:
        """The whole walk. Raises NotLowerableError."""
        self._maps: Sequence[str] = ()
        entry = self._walk()
        if not self._maps or self._features or self._paddings:
            raise NotLowerableError("it does not end in a tuple of maps")
        return Program(entry, tuple(self._steps), tuple(self._maps))

    def _leaky_relu(self, inputs: List[Any], target: str) -> None:
        self._activate(inputs[0], target, "leaky_relu", (float(inputs[1]),))

    def _sum(self, inputs: List[Any], target: str) -> None:
        try:
            self._add(inputs, target)
        except NotLowerableError:
            if inputs[2] != 1 or not all(isinstance(value, str) for value in inputs[:2]):
                raise
            self._append(Rearrangement(tuple(inputs[:2]), target, "sum"))

    def _concatenate(self, inputs: List[Any], target: str) -> None:
        sources, axis = inputs
        if axis != 1 or not all(isinstance(name, str) for name in sources):
            raise NotLowerableError("it puts together something else than channels")
        self._append(Rearrangement(tuple(sources), target, "concatenation"))

    def _enlarge(self, inputs: List[Any], target: str) -> None:
        source, size, aligned, factors = inputs
        if size is not None or aligned or len({*factors}) != 1 or factors[0] != int(factors[0]):
            raise NotLowerableError("it enlarges a map by something else than a whole factor")
        self._append(Rearrangement((source,), target, "enlargement", int(factors[0])))

    def _average(self, inputs: List[Any], target: str) -> None:
        source, kernel, stride, padding, ceil, _, divisor = inputs
        if len({*kernel, *(stride or kernel)}) != 1 or any(padding) or ceil or divisor is not None:
            raise NotLowerableError("it averages over windows that do not lie beside each other")
        self._append(Rearrangement((source,), target, "average", int(kernel[0])))

    def _end(self, inputs: List[Any], target: str) -> None:
        self._maps = inputs
