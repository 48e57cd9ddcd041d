"""Networks in numpy alone, for tests and for machines without torch."""

from __future__ import annotations

from typing import Any, Sequence

from hotpath.core import EngineSpec
from hotpath.models.built import BuiltModel
from hotpath.tasks import known
from hotpath.tasks.task import Item, Outputs, Pixels


class NumericBackend:
    """Runs the network of the task's module `numeric`."""

    depth = 1
    pads = packs = graphs = False
    precision = "float64"

    def load(self, model: BuiltModel, spec: EngineSpec) -> None:
        """Make the network."""
        self._network = known.numeric(model)

    def share(self, slots: Pixels) -> None:
        """Items are read wherever they lie."""

    def launch(self, items: Sequence[Item]) -> Any:
        """Let the network take what it needs of the items."""
        return self._network.take(items)

    def finish(self, batch: Any) -> Outputs:
        """Run it."""
        return self._network.answer(batch)
