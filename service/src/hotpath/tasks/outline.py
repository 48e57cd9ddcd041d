"""What there is to know of a model before anything that computes is imported.

For the supervisor, which must not have numpy before it forks, for the warm-up hook and for `hotpath check`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Tuple

from typing_extensions import Protocol


@dataclass(frozen=True)
class Probe:
    """A request whose right answer is known."""

    name: str
    content_type: str
    body: bytes
    read: Callable[[Dict[str, Any]], Tuple[str, str]]
    """From the answer of /predict: what it says, in a few words, and why that is wrong, or nothing."""


class Outline(Protocol):
    """One model's. To make it raises ModelError where a worker could not read the model, and so not start."""

    input: str
    """One item's tensor in words, such as 224x224x3."""

    slot_bytes: int
    """What a slot must hold."""

    def same_input(self, other: Outline) -> bool:
        """Whether an item becomes the same slot for another model: then both can be given one."""

    def probes(self) -> List[Probe]:
        """The model's probes, as clients send them. Raises ModelError."""
