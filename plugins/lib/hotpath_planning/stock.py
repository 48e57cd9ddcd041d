"""What a node has left to give."""

from __future__ import annotations

from hotpath_planning.model import Core, Node, PlanError
from hotpath_planning.overrides import Overrides


class TooFewCoresError(PlanError):
    """A node cannot give every kind of work a core of its own."""


class Stock:
    """The cores of a node that nobody holds yet, lowest first."""

    def __init__(self, node: Node, wishes: Overrides) -> None:
        self.node = node
        self.cores: list[Core] = [core for core in node.cores if not set(core) & wishes.cpus]

    def take_cores(self, count: int) -> list[Core]:
        if count > len(self.cores):
            raise TooFewCoresError(
                f"node {self.node.id} has {len(self.node.cores)} cores, too few for kernel, interrupts, engines and "
                "HTTP workers to have their own"
            )
        taken, self.cores = self.cores[:count], self.cores[count:]
        return taken

    def take(self, count: int) -> list[int]:
        return sorted(cpu for core in self.take_cores(count) for cpu in core)

    def rest(self) -> list[int]:
        return self.take(len(self.cores))
