"""From rankings to the bytes of an inference answer."""

from __future__ import annotations

import json
import struct
from typing import Any, Callable, Dict, List, Sequence, Tuple

import numpy

from hotpath.core import Ranking
from hotpath.http.v2.request import Wanted
from hotpath.http.v2.schema import LENGTH_HEADER
from hotpath.models.built import BuiltModel

DATATYPES = {"classes": "INT64", "scores": "FP32", "labels": "BYTES"}


def assemble(
    wanted: Wanted, model: BuiltModel, rankings: Sequence[Ranking]
) -> Tuple[bytes, str, Dict[str, str]]:
    """Content, its type, and headers of the answer; one row of every output for each image, in order."""
    outputs: List[Dict[str, Any]] = []
    tensors: List[bytes] = []
    shape = [len(rankings), len(rankings[0].classes)]
    for name, binary in wanted.outputs:
        values = [value for ranking in rankings for value in _row(name, ranking, model)]
        output: Dict[str, Any] = {"name": name, "datatype": DATATYPES[name], "shape": shape}
        if binary:
            tensors.append(_PACK[name](values))
            output["parameters"] = {"binary_data_size": len(tensors[-1])}
        else:
            output["data"] = values
        outputs.append(output)
    document: Dict[str, Any] = {"model_name": model.identity.name, "model_version": model.identity.version}
    if wanted.id is not None:
        document["id"] = wanted.id
    document["outputs"] = outputs
    header = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    if not tensors:
        return header, "application/json", {}
    return (
        b"".join([header, *tensors]),
        "application/octet-stream",
        {LENGTH_HEADER: str(len(header))},
    )


def _row(name: str, ranking: Ranking, model: BuiltModel) -> Sequence[Any]:
    if name == "labels":
        return [model.labels[index] for index in ranking.classes]
    return ranking.classes if name == "classes" else ranking.scores


def _pack_strings(values: Sequence[Any]) -> bytes:
    encoded = [value.encode("utf-8") for value in values]
    return b"".join(struct.pack("<I", len(item)) + item for item in encoded)


_PACK: Dict[str, Callable[[Sequence[Any]], bytes]] = {
    "classes": lambda values: numpy.array(values, dtype="<i8").tobytes(),
    "scores": lambda values: numpy.array(values, dtype="<f4").tobytes(),
    "labels": _pack_strings,
}
"""Little-endian and row-major, whatever the machine."""
