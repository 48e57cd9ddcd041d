"""Numbers: the model's own input tensors, out of JSON or out of the bytes behind it."""

from __future__ import annotations

from itertools import chain
from typing import Any, List

import numpy

from hotpath.core import TensorSpec
from hotpath.http.v2.problems import invalid
from hotpath.http.v2.schema import InputTensor
from hotpath.tasks.datatypes import DTYPES, NAMES
from hotpath.tasks.numbers import numbers
from hotpath.tasks.task import Array

_WORDS = {
    "BOOL": "true and false",
    "UINT8": "whole numbers from 0 to 255",
    "INT32": "whole numbers of 32 bits",
    "INT64": "whole numbers of 64 bits",
    "FP16": "numbers of half precision",
    "FP32": "numbers",
}
"""By datatype: what its elements are in JSON."""


def shape_of(spec: TensorSpec) -> List[int]:
    """As the protocol tells it, with the number of items in front; -1 stands for what varies."""
    return [-1, *([-1] if spec.varies else spec.shape[:1]), *spec.shape[1:]]


def fits(tensor: InputTensor, spec: TensorSpec) -> bool:
    """Whether datatype and shape, but for the number of items, are those of the input."""
    shape = tensor.shape[1:]
    if tensor.datatype != NAMES[spec.dtype] or len(tensor.shape) != 1 + len(spec.shape):
        return False
    if spec.varies:
        return 1 <= shape[0] <= spec.shape[0] and shape[1:] == [*spec.shape[1:]]
    return shape == [*spec.shape]


def in_binary(tensor: InputTensor, binary: memoryview) -> Array:
    """Little-endian and row-major. Raises Problem."""
    dtype = numpy.dtype(DTYPES[tensor.datatype]).newbyteorder("<")
    wanted = dtype.itemsize
    for length in tensor.shape:
        wanted *= length
    if len(binary) != wanted:
        raise invalid(
            f"The input {tensor.name!r} holds {len(binary)} bytes, but {tensor.datatype} {tensor.shape} "
            f"takes {wanted}.",
            "Correct the shape or the data.",
        )
    if tensor.datatype == "BOOL":
        return _finite(tensor, numpy.frombuffer(binary, "uint8").reshape(tensor.shape) != 0)
    return _finite(tensor, numpy.frombuffer(binary, dtype).reshape(tensor.shape))


def in_json(tensor: InputTensor) -> Array:
    """Nested as the shape is, or flat. Raises Problem."""
    values = flatten(tensor)
    try:
        found = numbers(values, DTYPES[tensor.datatype])
    except ValueError as error:
        raise invalid(
            f"The input {tensor.name!r} holds something other than {_WORDS[tensor.datatype]}.",
            f"Send {tensor.datatype} elements; what the model does to them is applied by the service.",
        ) from error
    return _finite(tensor, found.reshape(tensor.shape))


def _finite(tensor: InputTensor, array: Array) -> Array:
    if array.dtype.kind == "f" and not numpy.isfinite(array).all():
        raise invalid(
            f"The input {tensor.name!r} holds what is no number, or infinite.",
            "Send finite numbers: one that is not spoils the whole answer.",
        )
    return array


def flatten(tensor: InputTensor) -> List[Any]:
    """Row-major elements of lists that are flat, or nested as the shape tells. Raises Problem."""
    data, shape = tensor.data, tensor.shape
    mismatch = invalid(
        f"The data of the input {tensor.name!r} does not have its shape {list(shape)}.",
        "Send a list that is flat, or nested as the shape; and as long.",
    )
    if not isinstance(data, list):
        raise mismatch
    nested = any(isinstance(item, list) for item in data)
    wanted = 1
    for length, inner in zip(shape, shape[1:]):
        wanted *= length
        if nested:
            if len(data) != wanted or not all(isinstance(row, list) and len(row) == inner for row in data):
                raise mismatch
            data = list(chain.from_iterable(data))
    if len(data) != wanted * shape[-1]:
        raise mismatch
    return data
