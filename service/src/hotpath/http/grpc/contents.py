"""Tensors in typed fields, brought into the protocol's binary form: that alone is read further."""

from __future__ import annotations

import struct
from typing import Any, List

import numpy

from hotpath.http.v2.problems import invalid
from hotpath.tasks.datatypes import DTYPES

FIELDS = {
    "BOOL": ("bool_contents", "bool"),
    "UINT8": ("uint_contents", "uint32"),
    "INT32": ("int_contents", "int32"),
    "INT64": ("int64_contents", "int64"),
    "FP32": ("fp32_contents", "float32"),
    "BYTES": ("bytes_contents", ""),
}
"""By datatype: the field that holds its elements, and as what numpy reads it. FP16 has none."""


def in_binary(tensor: Any) -> bytes:
    """The elements of an InferInputTensor; empty where its datatype is unknown. Raises Problem."""
    there: List[str] = [field.name for field, _ in tensor.contents.ListFields()]
    if tensor.datatype not in FIELDS:
        if there and tensor.datatype in DTYPES:
            raise invalid(
                f"The input {tensor.name[:64]!r} is {tensor.datatype}, which 'contents' has no field for.",
                "Send it in 'raw_input_contents'.",
            )
        return b""
    field, dtype = FIELDS[tensor.datatype]
    if there not in ([], [field]):
        raise invalid(
            f"The input {tensor.name[:64]!r} is {tensor.datatype} and has {', '.join(there)}.",
            f"Send its elements in {field!r} alone, or in 'raw_input_contents'.",
        )
    values = getattr(tensor.contents, field)
    _check_count(tensor, len(values))
    if tensor.datatype == "BYTES":
        return b"".join(struct.pack("<I", len(value)) + value for value in values)
    array = numpy.fromiter(values, dtype, len(values))
    wanted = numpy.dtype(DTYPES[tensor.datatype])
    if array.dtype != wanted and (array > numpy.iinfo(wanted).max).any():
        raise invalid(
            f"The input {tensor.name[:64]!r} holds more than {tensor.datatype} can.",
            f"Send {tensor.datatype} elements; what the model does to them is applied by the service.",
        )
    return array.astype(wanted.newbyteorder("<")).tobytes()


def _check_count(tensor: Any, found: int) -> None:
    """Whether there are as many elements as the shape tells, where that is one."""
    shape = [*tensor.shape[:16]]
    promised = 1
    for length in shape:
        promised *= length
    if min(shape, default=0) > 0 and found != promised:
        raise invalid(
            f"The input {tensor.name[:64]!r} holds {found} elements, and its shape {shape} "
            f"promises {promised}.",
            "Correct the shape or the data.",
        )
