"""From answers to the bytes of an inference answer over HTTP, and to the bytes of any of its tensors."""

from __future__ import annotations

import json
import struct
from functools import partial
from typing import Any, Callable, Dict, List, Sequence, Tuple

import numpy

from hotpath.http.catalogue import Served
from hotpath.http.v2.request import Wanted
from hotpath.http.v2.schema import LENGTH_HEADER
from hotpath.tasks.datatypes import DTYPES
from hotpath.tasks.task import Fill, Values


def assemble(
    wanted: Wanted, served: Served, items: Sequence[Tuple[Fill, bytes]]
) -> Tuple[bytes, str, Dict[str, str]]:
    """Content, its type, and headers of the answer; one row of every output for each item, in order."""
    task, identity = served.task, served.model.identity
    outputs: List[Dict[str, Any]] = []
    tensors: List[bytes] = []
    for name, binary in wanted.outputs:
        column, values = task.columns[name], task.column(name, items)
        shape = [len(items), *column.shape]
        output: Dict[str, Any] = {"name": name, "datatype": column.datatype, "shape": shape}
        if binary:
            tensors.append(packed(column.datatype, values))
            output["parameters"] = {"binary_data_size": len(tensors[-1])}
        else:
            output["data"] = values.tolist() if isinstance(values, numpy.ndarray) else values
        outputs.append(output)
    document: Dict[str, Any] = {"model_name": identity.name, "model_version": identity.version}
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


def packed(datatype: str, values: Values) -> bytes:
    """A tensor's values as the protocol's binary form has them."""
    return _PACK[datatype](values)


def _pack_strings(values: Values) -> bytes:
    encoded = [value.encode("utf-8") for value in values]
    return b"".join(struct.pack("<I", len(item)) + item for item in encoded)


def _pack_numbers(dtype: str, values: Values) -> bytes:
    return numpy.array(values, dtype=numpy.dtype(dtype).newbyteorder("<")).tobytes()


_PACK: Dict[str, Callable[[Values], bytes]] = {
    **{name: partial(_pack_numbers, dtype) for name, dtype in DTYPES.items()},
    "BYTES": _pack_strings,
}
"""Little-endian and row-major, whatever the machine."""
