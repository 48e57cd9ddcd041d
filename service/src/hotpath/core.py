"""What crosses the boundaries between the rooms: plain, typed, immutable values and the operator's error."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Tuple


class HotpathError(Exception):
    """Something the operator must mend. Says what is wrong and the way out."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.message = message
        self.remedy = remedy


class ModelError(HotpathError):
    """A model directory that can't be used."""


class Refusal(HotpathError):
    """The service can't start as configured, and trying again would change nothing."""


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


@dataclass(frozen=True)
class Outcome:
    """What an engine says about one request."""

    status: int
    """One of ipc.messages.Status."""
    answer: Optional[bytes]
    """What the model said, for its task to read; None where it said nothing."""
    batch_size: int
    queue_s: float
    compute_s: float
