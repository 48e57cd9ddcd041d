"""Networks from tensors to tensors, in numpy."""

from __future__ import annotations

from typing import Any, Sequence

import numpy

from hotpath.models.built import BuiltModel
from hotpath.tasks.numeric import NumericNetwork
from hotpath.tasks.task import Item, Outputs
from hotpath.tasks.tensors.code import attribute


class Stacked(NumericNetwork):
    """A function from the arrays of a batch to its outputs, made by the model's code. Inputs may not vary."""

    def __init__(self, model: BuiltModel) -> None:
        code = model.directory / model.document["code"]
        make: Any = attribute(code, "network", "a function from the weights' path to the network")
        self._network = make(model.artifact("numeric"))

    def take(self, items: Sequence[Item]) -> Any:
        """Each input, stacked."""
        return [numpy.stack(arrays) for arrays in zip(*items)]

    def answer(self, batch: Any) -> Outputs:
        """The outputs."""
        found = self._network(*batch)
        return found if isinstance(found, tuple) else (found,)


def network(model: BuiltModel) -> Stacked:
    """Of a built model."""
    return Stacked(model)
