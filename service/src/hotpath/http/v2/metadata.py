"""What the protocol tells about the server and its models."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from hotpath import __version__
from hotpath.http.catalogue import Served
from hotpath.http.v2.tensors import shape_of
from hotpath.tasks.datatypes import NAMES
from hotpath.tasks.task import Task

SERVER: Dict[str, Any] = {
    "name": "hotpath",
    "version": __version__,
    "extensions": ["binary_tensor_data", "model_configuration", "schedule_policy", "statistics"],
}


def of_model(served: Served, versions: Sequence[Served]) -> Dict[str, Any]:
    """Inputs and outputs of a model, its versions on offer and its form; -1 stands for the number of items.

    The protocol knows one datatype an input, so the second one that an input of BYTES may take stands in its
    parameters.
    """
    model = served.model
    return {
        "name": model.identity.name,
        "versions": [item.offer.version for item in versions],
        "platform": f"hotpath_{model.architecture}",
        "inputs": inputs(served.task),
        "parameters": {
            "backend": served.offer.backend,
            "precision": model.precision(served.offer.backend),
            "devices": list(served.offer.devices),
            "shares": {item.offer.version: item.offer.share for item in versions},
            "last_swap": served.offer.last_swap,
        },
        "outputs": [
            {"name": name, "datatype": column.datatype, "shape": [-1, *column.shape]}
            for name, column in served.task.columns.items()
        ],
    }


def inputs(task: Task) -> List[Dict[str, Any]]:
    """What the protocol takes for a model."""
    own = [
        {"name": spec.name, "datatype": NAMES[spec.dtype], "shape": shape_of(spec)} for spec in task.inputs
    ]
    if task.element is None:
        return own
    found: Dict[str, Any] = {"name": task.element.name, "datatype": "BYTES", "shape": [-1]}
    if task.takes_tensors:
        found["parameters"] = {f"also_{key}": own[0][key] for key in ("datatype", "shape")}
    return [found]
