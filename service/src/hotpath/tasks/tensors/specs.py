"""Tensors as model.json describes them."""

from __future__ import annotations

from typing import Any, Mapping, Sequence, Tuple

from hotpath.core import TensorSpec


def specs(described: Sequence[Mapping[str, Any]]) -> Tuple[TensorSpec, ...]:
    """Of a list of `name`, `dtype`, `shape` and `varies`."""
    return tuple(
        TensorSpec(one["name"], one["dtype"], tuple(one["shape"]), one["varies"]) for one in described
    )
