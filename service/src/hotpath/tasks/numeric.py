"""What the back end numeric asks of a task's module `numeric`: a network without torch."""

from __future__ import annotations

from typing import Any, Sequence

from typing_extensions import Protocol

from hotpath.tasks.task import Item, Outputs


class NumericNetwork(Protocol):
    """Made from a built model."""

    def take(self, items: Sequence[Item]) -> Any:
        """What it needs of a batch; the items are read before this returns."""

    def answer(self, batch: Any) -> Outputs:
        """The task's outputs for what `take` returned."""
