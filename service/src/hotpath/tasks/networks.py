"""What back ends ask of a task's module `network`: torch modules, from a batch to the task's outputs."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

from torch import nn
from typing_extensions import Protocol

from hotpath.models.built import BuiltModel


class Networks(Protocol):
    """Each form takes the task's input tensor of a batch and returns a tuple, the task's outputs."""

    def eager(self, model: BuiltModel) -> nn.Module:
        """The model as its architecture's Python code. Raises ModelError."""

    def lowered(self, model: BuiltModel) -> nn.Module:
        """The form that was built for processors, in `model.precision("onednn")`.

        Raises Refusal where this processor can't run it, or ModelError.
        """

    def packs(self, device: str) -> bool:
        """Whether, on a device of this type, items of several lengths go together without being filled up."""

    def reduced(self, model: BuiltModel, precision: str) -> nn.Module:
        """The model for GPUs as Python code: where nearly all of the work is, in this precision.

        Nothing in it depends on the values of its inputs; where these vary in length, all items of a batch
        have one. Raises ModelError.
        """

    def core(self, model: BuiltModel) -> nn.Module:
        """What of the model can run in half precision. Raises ModelError."""

    def core_shape(self, model: BuiltModel) -> Tuple[int, ...]:
        """Of the core's one input, without the batch."""

    def around(self, model: BuiltModel, core: nn.Module) -> nn.Module:
        """The whole model, of another form of its core."""

    def judge(self, model: BuiltModel, cores: Mapping[int, nn.Module], device: Any) -> Dict[str, Any]:
        """How far the model is from its eager form with each of these cores, by batch size.

        Raises ModelError where that is more than the model's description allows.
        """
