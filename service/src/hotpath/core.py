"""What crosses the boundaries between the rooms: plain, typed, immutable values and the operator's error."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Optional, Tuple, Type


class HotpathError(Exception):
    """Something the operator must mend. Says what is wrong and the way out."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.message = message
        self.remedy = remedy

    def __reduce__(self) -> Tuple[Type[HotpathError], Tuple[str, str]]:
        return type(self), (self.message, self.remedy)  # from one process to another


class ModelError(HotpathError):
    """A model directory that can't be used."""


class Refusal(HotpathError):
    """The service can't start as configured, and trying again would change nothing."""


class InputError(Exception):
    """An item that can't be answered: HTTP status, a code for programs, a reason and a remedy for people."""

    def __init__(self, status: int, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True)
class TensorSpec:
    """A tensor of one item, without the batch's axis."""

    name: str
    dtype: str
    """As numpy names it; one of DTYPES."""
    shape: Tuple[int, ...]
    varies: bool = False
    """Whether an item may be shorter than shape[0] along the first axis."""

    @property
    def nbytes(self) -> int:
        """Of the largest."""
        size = DTYPES[self.dtype]
        for length in self.shape:
            size *= length
        return size


DTYPES = {"bool": 1, "uint8": 1, "int32": 4, "int64": 8, "float16": 2, "float32": 4}
"""What tensors hold, and the bytes of one element."""

_ALIGNMENT = 64
"""Of each tensor in a slot: a line of the processor's cache."""


@lru_cache(maxsize=64)
def placed(specs: Tuple[TensorSpec, ...]) -> Tuple[Tuple[int, TensorSpec], ...]:
    """The tensors of an item as they lie in a slot, one behind another: the first byte of each."""
    found, start = [], 0
    for spec in specs:
        found.append((start, spec))
        start += -(-spec.nbytes // _ALIGNMENT) * _ALIGNMENT
    return tuple(found)


def slot_bytes(specs: Tuple[TensorSpec, ...]) -> int:
    """What a slot for such items must hold."""
    return max(start + spec.nbytes for start, spec in placed(specs))


@dataclass(frozen=True)
class ModelIdentity:
    """Which model answered."""

    name: str
    version: str


@dataclass(frozen=True)
class EngineSpec:
    """One engine process: the model it serves and the device and CPUs it does it on."""

    index: int
    model: str
    model_path: Path
    device: str
    backend: str
    threads: int
    """Torch threads; 0 means as many as there are CPUs it may run on."""
    max_batch: int
    cpus: Tuple[int, ...]
    """CPUs from the plan; empty means wherever the supervisor may run."""
    numa_node: Optional[int] = None
    """The node of its memory; None leaves that to the kernel."""
    pci: str = ""
    """Where the plan's GPU is on the bus; empty lets the device's number alone say which one it is."""
    prove: bool = False
    """Whether it hashes its files and answers its probes before it says that it is ready."""

    @property
    def label(self) -> str:
        """A short name for logs and metrics that is unique among the engines."""
        return f"{self.index}/{self.device}"


class Outcome(NamedTuple):
    """What an engine says about one request."""

    status: int
    """One of ipc.messages.Status."""
    answer: Optional[bytes]
    """What the model said, for its task to read; None where it said nothing."""
    batch_size: int
    queue_s: float
    compute_s: float
