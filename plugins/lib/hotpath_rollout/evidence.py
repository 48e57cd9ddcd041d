"""What was seen of a canary and of the hosts beside it since the canary's first request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Requests:
    """Requests that hosts answered, as the balancers logged them."""

    statuses: Mapping[int, int] = field(default_factory=dict)
    """How many had each HTTP status; 0 is an attempt that failed and that the balancer hid by another host's answer."""
    milliseconds: Mapping[int, int] = field(default_factory=dict)
    """Of those answered 200: how many took so many whole milliseconds from the balancer to the host and back."""

    def __add__(self, more: Requests) -> Requests:
        return Requests(
            Counter(self.statuses) + Counter(more.statuses), Counter(self.milliseconds) + Counter(more.milliseconds)
        )

    @property
    def count(self) -> int:
        """All of them."""
        return sum(self.statuses.values())

    @property
    def failed(self) -> int:
        """Those that were no answer of any kind: 5xx and hidden failures."""
        return sum(count for status, count in self.statuses.items() if status == 0 or status >= 500)

    @property
    def refused(self) -> int:
        """Those answered 4xx; where clients err, they err at every host."""
        return sum(count for status, count in self.statuses.items() if 400 <= status < 500)


@dataclass(frozen=True)
class Compared:
    """Copies of other hosts' requests that the canary answered as well, by how both answers compare."""

    agreed: int = 0
    differed: int = 0
    failed: int = 0
    """The canary gave no answer in time."""

    @property
    def count(self) -> int:
        """All of them."""
        return self.agreed + self.differed + self.failed


@dataclass(frozen=True)
class Evidence:
    """Everything that a judgement rests on."""

    canary: Requests = Requests()
    others: Requests = Requests()
    compared: Compared | None = Compared()
    """None where no other host can compare."""
    canary_bytes: tuple[int, ...] = ()
    """Memory of the canary's service, at each look."""
    others_bytes: tuple[tuple[int, ...], ...] = ()
    """The same of each other host."""
    troubles: tuple[str, ...] = ()
    """What needs no statistics: a restart, a health check that fails, a wrong answer to a reference."""


def summed(many: Iterable[Requests]) -> Requests:
    """All requests together."""
    return sum(many, Requests())
