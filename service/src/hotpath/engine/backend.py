"""What an engine asks of a back end."""

from __future__ import annotations

from typing import Any, Sequence

from typing_extensions import Protocol

from hotpath.core import EngineSpec
from hotpath.models.built import BuiltModel
from hotpath.tasks.task import Item, Outputs, Pixels


class Backend(Protocol):
    """Runs one model on one device. Launching and finishing are apart so that it can overlap two batches."""

    depth: int
    """How many batches may be launched before the first is finished."""

    pads: bool
    """Whether a batch between two of the warmed sizes takes as long as one of the larger."""

    packs: bool
    """Whether items of different lengths are laid one behind another, so that none pays for a longer one."""

    graphs: bool
    """Whether batches are replayed as CUDA graphs; known once loaded."""

    precision: str
    """In what arithmetic the network runs, one of metrics.layout.PRECISIONS; known once loaded."""

    def load(self, model: BuiltModel, spec: EngineSpec) -> None:
        """Make ready to run. Raises Refusal when this can't ever work as configured."""

    def share(self, slots: Pixels) -> None:
        """The memory (bytes,) that the items will lie in; told once, before the first of them."""

    def launch(self, items: Sequence[Item]) -> Any:
        """Start a batch of items; they are read before this returns."""

    def finish(self, batch: Any) -> Outputs:
        """Wait for a launched batch; the task's outputs, a row for each item, in order. Theirs to keep."""
