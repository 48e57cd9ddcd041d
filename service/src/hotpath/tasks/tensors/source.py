"""model.toml of a model of tensors."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from pydantic import Field, field_validator, model_validator
from typing_extensions import Literal

from hotpath.models.source import Source, SourceFile, Table

TORCHSCRIPT = "torchscript"
"""The architecture of a weights file that brings its own network."""
NUMERIC = "numeric"
"""The architecture whose network, by the model's code, is numpy alone."""


class TensorTable(Table):
    """A tensor of one item, without the batch's axis."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    dtype: Literal["bool", "uint8", "int32", "int64", "float16", "float32"]
    shape: List[int] = Field(max_length=8)
    varies: bool = False
    """Whether an item may be shorter along the first axis, for which the shape says the most."""

    @field_validator("shape")
    @classmethod
    def _has_elements(cls, shape: List[int]) -> List[int]:
        if not all(length >= 1 for length in shape):
            raise ValueError(
                "each length is at least 1; of an axis that varies, write the most, and varies = true"
            )
        return shape

    @model_validator(mode="after")
    def _can_vary(self) -> TensorTable:
        if self.varies and not self.shape:
            raise ValueError("a single number can't vary in length")
        return self


class ProbeRequest(SourceFile):
    """The body of a request to /predict, and what its answer must say."""

    content_type: str = "application/json"
    expect: Dict[str, Any] = Field(min_length=1)
    """Of the answer, what must be in it."""
    within: float = Field(1e-3, ge=0)
    """How far numbers may be from it; times the number where that is above 1."""


class Tolerance(Table):
    """How far outputs may differ."""

    absolute: float = Field(1e-4, gt=0)
    """A float32 form from the eager model."""
    largest: float = Field(1e-2, gt=0)
    """A form of reduced precision from the eager model, and a version from another one."""


class TensorsSource(Source):
    """model.toml of the task tensors."""

    task: Literal["tensors"]
    inputs: List[TensorTable] = Field(min_length=1, max_length=64)
    outputs: List[TensorTable] = Field(min_length=1, max_length=64)
    lengths: List[int] = Field([])
    """Where inputs vary: the lengths that batches are made for; by default each twice the one before."""
    code: Optional[SourceFile] = None
    """A Python file with the class Task, the function network, or both. It is run."""
    forms: List[Literal["eager", "torchscript"]] = Field(["eager", "torchscript"])
    probes: List[ProbeRequest] = Field(min_length=1)
    tolerance: Tolerance = Field(Tolerance.model_validate({}))

    @model_validator(mode="after")
    def _fits_together(self) -> TensorsSource:
        names = [one.name for one in [*self.inputs, *self.outputs]]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two tensors are called {twice[0]!r}")
        bounds = {one.shape[0] for one in self.inputs if one.varies}
        if len(bounds) > 1:
            raise ValueError(f"the inputs that vary have the bounds {sorted(bounds)}; give them one")
        if self.lengths and (
            not bounds or sorted(set(self.lengths)) != self.lengths or self.lengths[-1] not in bounds
        ):
            raise ValueError("lengths ascend to the bound of the inputs that vary")
        if any(one.varies for one in self.outputs):
            raise ValueError("outputs can't vary")
        if self.code is None and self.architecture != TORCHSCRIPT:
            raise ValueError(
                f"architecture is {self.architecture!r}: without [code] it is 'torchscript', and with it "
                "the name of what network() in it makes"
            )
        if bounds and self.architecture == NUMERIC:
            raise ValueError("inputs of a numeric network can't vary")
        return self

    @property
    def buckets(self) -> List[int]:
        """The lengths that batches are made for."""
        bounds = [one.shape[0] for one in self.inputs if one.varies]
        if self.lengths or not bounds:
            return self.lengths or [1]
        found = [bounds[0]]
        while found[0] > 16:
            found.insert(0, -(-found[0] // 2))
        return found
