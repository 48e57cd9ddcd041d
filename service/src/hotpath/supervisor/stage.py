"""What a swap needs done and wants to know, of the real children."""

from __future__ import annotations

from hotpath.supervisor.crew import Crew
from hotpath.supervisor.generations import Generation
from hotpath.supervisor.swap import Comparison


class CrewStage:
    """A swap.Stage."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew

    def seat(self, generation: Generation) -> None:
        """Start its engines."""
        self._crew.seat(generation)

    def unseat(self, generation: Generation) -> None:
        """End its engines for good."""
        self._crew.unseat(generation)

    def renew(self, generation: Generation) -> None:
        """Kill its engines, which start again."""
        self._crew.renew(generation)

    def gone(self, generation: Generation) -> bool:
        """Whether its engines have ended."""
        return self._crew.gone(generation)

    def publish(self) -> None:
        """Tell the workers, and the metrics."""
        self._crew.publish()

    def warm(self, generation: Generation) -> bool:
        """Whether all its engines are ready."""
        return self._crew.warm(generation)

    def followed(self) -> bool:
        """Whether every running worker follows what was published last."""
        return self._crew.followers.all_follow()

    def idle(self, generation: Generation) -> bool:
        """Whether no running worker needs it."""
        return self._crew.followers.all_without(generation.number)

    def compared(self, generation: Generation) -> Comparison:
        """How its copies were answered."""
        total = self._crew.table.total
        lane = str(generation.lane)
        counts = [int(total("hotpath_shadow", (lane, result))) for result in ("agree", "differ", "failed")]
        return Comparison(*counts)
