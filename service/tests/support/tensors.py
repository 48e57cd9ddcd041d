"""A task that only says what it takes: numbers of every kind, one of up to four of them; or strings."""

from __future__ import annotations

from typing import Optional, Tuple

from hotpath.core import DTYPES, TensorSpec
from hotpath.http.v2.items import Accepted
from hotpath.tasks.task import Column, Element


class Numbers:
    """As much of a Task as reading a request needs."""

    takes_tensors = True

    def __init__(self, element: Optional[Element] = None) -> None:
        self.inputs: Tuple[TensorSpec, ...] = (
            *(TensorSpec(dtype, dtype, (2,)) for dtype in DTYPES),
            TensorSpec("words", "int64", (4,), varies=True),
        )
        self.element = element
        self.columns = {"a": Column("FP32", (2,)), "b": Column("BYTES", ())}


def accepting(element: Optional[Element] = None, most: int = 4) -> Accepted:
    """So many items of it at once."""
    return Accepted(Numbers(element), most)  # type: ignore[arg-type]
