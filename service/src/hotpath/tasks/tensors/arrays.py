"""Arrays out of JSON."""

from __future__ import annotations

from itertools import chain
from typing import Any, Tuple

from hotpath.core import InputError, TensorSpec
from hotpath.tasks.numbers import numbers
from hotpath.tasks.task import Array

_MOST_AXES = 32
"""That every numpy takes."""


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
    try:
        found = numbers(flat if isinstance(flat, list) else [flat], spec.dtype)
    except ValueError as error:
        raise _not_numbers(spec) from error
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
