"""Numbers of JSON as arrays of a tensor's own type."""

from __future__ import annotations

from typing import Any, Dict, Sequence, Set

import numpy

from hotpath.tasks.task import Array

_WHOLE: Set[type] = {int}
_KINDS: Dict[str, Set[type]] = {"b": {bool}, "f": {int, float}}
"""By numpy's kind of a dtype: what stands for an element in JSON. (To Python, True is a number.)"""


def numbers(values: Sequence[Any], dtype: str) -> Array:
    """A flat list as an array of the dtype; what is too large for a fraction becomes infinite.

    Raises ValueError where something else is in it, or a whole number that does not fit.
    """
    kinds = _KINDS.get(numpy.dtype(dtype).kind, _WHOLE)
    if not {type(value) for value in values} <= kinds:
        raise ValueError
    try:
        with numpy.errstate(over="ignore"):
            wide = numpy.array(values, "float64" if float in kinds else "int64")
            found: Array = wide.astype(dtype)
    except OverflowError as error:
        raise ValueError from error
    if wide.dtype.kind == "i" and not (found == wide).all():
        raise ValueError
    return found
