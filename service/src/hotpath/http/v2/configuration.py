"""A model's configuration in the form of Triton's extension_model_configuration.md."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, List

from hotpath.http.catalogue import Served
from hotpath.http.v2.metadata import inputs
from hotpath.scheduler.entries import LAST, NORMAL
from hotpath.tasks.datatypes import DTYPES

_TYPES = {"BYTES": "TYPE_STRING", **{name: f"TYPE_{name}" for name in DTYPES}}


def of_model(served: Served, most_items: int) -> Dict[str, Any]:
    """Of a version that takes at most `most_items` in a request. Shapes are those of one item.

    Only what holds here is told; Triton's own settings of memory and storage have no counterpart.
    """
    model, backend = served.model, served.offer.backend
    return {
        "name": model.identity.name,
        "platform": f"hotpath_{model.architecture}",
        "backend": backend,
        "max_batch_size": most_items,
        "input": [
            {"name": one["name"], "data_type": _TYPES[one["datatype"]], "format": "FORMAT_NONE", "dims": dims}
            for one in inputs(served.task)
            for dims in [one["shape"][1:] or [1]]
        ],
        "output": [
            {"name": name, "data_type": _TYPES[column.datatype], "dims": list(column.shape)}
            for name, column in served.task.columns.items()
        ],
        "instance_group": _instances(served),
        "dynamic_batching": {
            "max_queue_delay_microseconds": 0,
            "preserve_ordering": False,
            "priority_levels": LAST,
            "default_priority_level": NORMAL,
        },
        "model_transaction_policy": {"decoupled": False},
        "parameters": {"precision": {"string_value": model.precision(backend)}},
    }


def _instances(served: Served) -> List[Dict[str, Any]]:
    """The engines, by device."""
    found = []
    for device, count in Counter(served.offer.devices).items():
        kind, _, number = device.partition(":")
        gpus = [int(number)] if kind == "cuda" else []
        found.append(
            {
                "name": f"{served.offer.model}_{device.replace(':', '_')}",
                "kind": "KIND_GPU" if gpus else "KIND_CPU",
                "count": count,
                "gpus": gpus,
            }
        )
    return found
