"""How a model of tensors is built."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Tuple

from hotpath.core import ModelError, slot_bytes
from hotpath.tasks.recipe import Recipe, importing_torch
from hotpath.tasks.tensors.source import NUMERIC, TensorsSource
from hotpath.tasks.tensors.specs import specs

MOST_BYTES = 1 << 28
"""Of an item, and of its answer."""


class TensorsRecipe(Recipe[TensorsSource]):
    """As eager code and, where it can be traced, as TorchScript."""

    source = TensorsSource
    telling = None

    def describe(self, source: TensorsSource) -> Dict[str, Any]:
        """Tensors, lengths, code and probes."""
        return {
            "inputs": [one.model_dump() for one in source.inputs],
            "outputs": [one.model_dump() for one in source.outputs],
            "lengths": source.buckets,
            "code": source.code.file if source.code else "",
            "probes": [one.model_dump() for one in source.probes],
        }

    def check(self, source: TensorsSource, directory: Path) -> None:
        """Item and answer have sizes that a service could hold."""
        for what, tensors in (("item", source.inputs), ("answer", source.outputs)):
            size = slot_bytes(specs([one.model_dump() for one in tensors]))
            if size > MOST_BYTES:
                raise ModelError(
                    f"An {what} of {source.name} has {size} bytes; at most {MOST_BYTES}.",
                    "Make its tensors smaller.",
                )

    def make(self, source: TensorsSource, directory: Path) -> Tuple[Dict[str, str], Dict[str, Any]]:
        """The forms that the source names."""
        if source.architecture == NUMERIC:
            return {"numeric": source.weights.file}, {}
        with importing_torch(source):
            import torch

            from hotpath.models.tracing import freeze
            from hotpath.tasks.tensors.network import examples, restored

        code = source.code.file if source.code else ""
        network = restored(source.architecture, directory, source.weights.file, code)
        inputs = specs([one.model_dump() for one in source.inputs])
        artifacts = {"eager": source.weights.file}
        if "torchscript" in source.forms:
            try:
                traced = freeze(network, *examples(inputs, tuple(source.buckets), 2))
            except Exception as error:  # whatever the network does with zeros
                raise ModelError(
                    f"{source.name} fails on a batch of two items of zeros: {type(error).__name__}: "
                    f"{(str(error).strip().splitlines() or [''])[-1][:400]}.",
                    'Correct inputs, or network(); where it can\'t be traced, say forms = ["eager"].',
                ) from error
            torch.jit.save(traced, str(directory / "model.pt"))
            artifacts["torchscript"] = "model.pt"
        return artifacts, {}


RECIPE = TensorsRecipe()
