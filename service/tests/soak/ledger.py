"""The account of a run: what became of each request, and where the processes' memory went."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List

from support.server import Server

from soak.questions import Answer, Question

REFUSED = (429, 503)


@dataclass
class Ledger:
    """Each request that was sent ends in exactly one of the counts."""

    right: Counter[str] = field(default_factory=Counter)
    """By kind of question."""
    wrong: List[str] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)
    failed: Counter[int] = field(default_factory=Counter)
    lost: List[float] = field(default_factory=list)
    """When a connection broke before the answer, on the monotonic clock."""
    unanswered: int = 0
    """What was sent again and again, in vain; not among those that were sent."""
    seconds: List[float] = field(default_factory=list)
    """How long right answers took, as the client saw it."""
    service_seconds: List[float] = field(default_factory=list)
    """The same as the service tells it in the answers."""
    refusal_seconds: List[float] = field(default_factory=list)

    def note(self, question: Question, answer: Answer, seconds: float) -> None:
        """An answer, which came after so many seconds."""
        if answer.status in REFUSED:
            self.refused[answer.status] += 1
            self.refusal_seconds.append(seconds)
        elif answer.status != 200:
            self.failed[answer.status] += 1
        elif problem := question.wrong(question.read(answer)):
            self.wrong.append(f"{question.kind}: {problem}")
        else:
            self.right[question.kind] += 1
            self.seconds.append(seconds)
            self.service_seconds.append(answer.service_s or seconds)

    @property
    def answered(self) -> int:
        """Requests that were answered rightly."""
        return sum(self.right.values())

    @property
    def sent(self) -> int:
        """All requests."""
        counted = self.answered + len(self.wrong) + len(self.lost)
        return counted + sum(self.refused.values()) + sum(self.failed.values())

    def summary(self) -> Dict[str, object]:
        """For print and JSON; milliseconds."""
        return {
            "sent": self.sent,
            "right": self.answered,
            "wrong": len(self.wrong),
            "unanswered": self.unanswered,
            "refused": dict(self.refused),
            "failed": dict(self.failed),
            "lost_connections": len(self.lost),
            "right_ms": quantiles(self.seconds),
            "refused_ms": quantiles(self.refusal_seconds),
        }


def quantiles(seconds: List[float]) -> Dict[str, float]:
    """Of so many seconds, in milliseconds."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    picks = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    last = len(ordered) - 1
    return {name: round(ordered[int(share * last)] * 1000, 1) for name, share in picks.items()}


class Memory:
    """Resident and open files of the service's processes over time."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._begun = time.monotonic()
        self.samples: List[Dict[str, object]] = []

    def sample(self) -> Dict[str, int]:
        """Note KiB of each process now; private memory, for the arena counts in whoever touches it."""
        pids = [("supervisor", self._server.process.pid)]
        for role in ("engine", "worker"):
            pids += [(f"{role}-{n}", pid) for n, pid in enumerate(self._server.children(role))]
        found = {name: _private_kib(pid) for name, pid in pids}
        self.samples.append({"at_s": round(time.monotonic() - self._begun, 1), "kib": found})
        return found

    def open_files(self) -> Dict[str, int]:
        """How many descriptors each child has open."""
        pids = [*self._server.children("engine"), *self._server.children("worker")]
        return {str(pid): len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids}


def _private_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return sizes["Private_Dirty"] + sizes["Private_Clean"]
