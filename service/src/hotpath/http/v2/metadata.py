"""What the protocol tells about the server and its models."""

from __future__ import annotations

from typing import Any, Dict, Sequence

from hotpath import __version__
from hotpath.http.catalogue import Served
from hotpath.http.v2.schema import INPUT

SERVER: Dict[str, Any] = {
    "name": "hotpath",
    "version": __version__,
    "extensions": ["binary_tensor_data", "model_configuration", "schedule_policy", "statistics"],
}


def of_model(served: Served, versions: Sequence[Served]) -> Dict[str, Any]:
    """Inputs and outputs of a model, its versions on offer and its form; -1 stands for the number of images.

    The protocol knows one datatype an input, so the second one that `image` takes stands in its parameters.
    """
    model = served.model
    return {
        "name": model.identity.name,
        "versions": [item.offer.version for item in versions],
        "platform": f"hotpath_{model.architecture}",
        "inputs": [
            {
                "name": INPUT,
                "datatype": "BYTES",
                "shape": [-1],
                "parameters": {"also_datatype": "UINT8", "also_shape": [-1, *model.shape]},
            }
        ],
        "parameters": {
            "backend": served.offer.backend,
            "precision": model.precision(served.offer.backend),
            "devices": list(served.offer.devices),
            "shares": {item.offer.version: item.offer.share for item in versions},
            "last_swap": served.offer.last_swap,
        },
        "outputs": [
            {"name": name, "datatype": column.datatype, "shape": [-1, column.width]}
            for name, column in served.task.columns.items()
        ],
    }
