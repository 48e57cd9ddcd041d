"""Arrays out of JSON."""

from __future__ import annotations

from itertools import chain
from typing import Any, Dict, Set, Tuple

import numpy

from hotpath.core import InputError, TensorSpec
from hotpath.tasks.task import Array

_DATATYPES = {
    "bool": "BOOL",
    "uint8": "UINT8",
    "int32": "INT32",
    "int64": "INT64",
    "float16": "FP16",
    "float32": "FP32",
}


_MOST_AXES = 32
"""That every numpy takes."""

_WHOLE: Set[type] = {int}
_KINDS: Dict[str, Set[type]] = {"b": {bool}, "f": {int, float}}
"""By numpy's kind of a dtype: what stands for an element in JSON. (To Python, True is a number.)"""


def datatype(dtype: str) -> str:
    """As the Open Inference Protocol names it."""
    return _DATATYPES[dtype]


def array_of(value: Any, spec: TensorSpec) -> Array:
    """Nested lists of numbers as the input's array; its shape is judged by others. Raises InputError."""
    shape = _shape(value)
    if len(shape) > _MOST_AXES:
        raise _not_numbers(spec)
    flat = value
    for _ in shape[1:]:
        if not all(isinstance(row, list) and len(row) == len(flat[0]) for row in flat):
            raise _not_numbers(spec)
        flat = list(chain.from_iterable(flat))
    kinds = _KINDS.get(numpy.dtype(spec.dtype).kind, _WHOLE)
    values = flat if isinstance(flat, list) else [flat]
    if not {type(one) for one in values} <= kinds:
        raise _not_numbers(spec)
    try:
        with numpy.errstate(over="ignore"):
            wide = numpy.array(values, "float64" if float in kinds else "int64")
            found: Array = wide.astype(spec.dtype)
    except OverflowError as error:
        raise _not_numbers(spec) from error
    if found.dtype.kind in "iu" and not (found == wide).all():
        raise _not_numbers(spec)
    return found.reshape(shape)


def _shape(value: Any) -> Tuple[int, ...]:
    """As deep as the first elements are."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return tuple(shape)


def _not_numbers(spec: TensorSpec) -> InputError:
    return InputError(
        400,
        "invalid_input",
        f"The input {spec.name!r} holds something other than {spec.dtype} numbers, nested evenly.",
        f"Send lists of {spec.dtype} numbers, nested as its shape {list(spec.shape)}.",
    )
