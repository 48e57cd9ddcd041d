"""What the protocol tells about the server and its models."""

from __future__ import annotations

from typing import Any, Dict, Sequence

from hotpath import __version__
from hotpath.http.v2.answer import DATATYPES
from hotpath.http.v2.schema import INPUT, OUTPUTS
from hotpath.models.built import BuiltModel

SERVER: Dict[str, Any] = {
    "name": "hotpath",
    "version": __version__,
    "extensions": ["binary_tensor_data"],
}


def of_model(model: BuiltModel, versions: Sequence[str], backend: str) -> Dict[str, Any]:
    """Inputs and outputs of a model, its versions on offer and its form; -1 stands for the number of images.

    The protocol knows one datatype an input, so the second one that `image` takes stands in its parameters.
    """
    return {
        "name": model.identity.name,
        "versions": list(versions),
        "platform": f"hotpath_{model.architecture}",
        "parameters": {"backend": backend, "precision": model.precision(backend)},
        "inputs": [
            {
                "name": INPUT,
                "datatype": "BYTES",
                "shape": [-1],
                "parameters": {"also_datatype": "UINT8", "also_shape": [-1, *model.shape]},
            }
        ],
        "outputs": [
            {"name": name, "datatype": DATATYPES[name], "shape": [-1, model.top_k]} for name in OUTPUTS
        ],
    }
