"""What a rollout has seen so far, as a document that one look hands to the next, and the evidence in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hotpath_rollout.evidence import Compared, Evidence, Requests, summed

Document = Mapping[str, Any]


@dataclass
class Course:
    """Of each host by its name; of HAProxy's counters what they were at the first look."""

    canary: str
    begun: float
    looks: int = 0
    requests: dict[str, Requests] = field(default_factory=dict)
    hidden: dict[str, int] = field(default_factory=dict)
    hidden_before: dict[str, dict[str, int]] = field(default_factory=dict)
    compared: dict[str, dict[str, int]] = field(default_factory=dict)
    compared_before: dict[str, dict[str, int]] = field(default_factory=dict)
    memory: dict[str, list[int]] = field(default_factory=dict)
    processes: list[int] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, canary: str, document: Document, now: float) -> Course:
        """What `document` wrote; a new one where that is empty."""
        if not document:
            return cls(canary, now)
        requests = {
            host: Requests(_numbers(of["statuses"]), _numbers(of["milliseconds"]))
            for host, of in document["requests"].items()
        }
        return cls(**{**document, "requests": requests})

    def document(self) -> dict[str, Any]:
        """In a form that Ansible keeps."""
        requests = {
            host: {"statuses": dict(of.statuses), "milliseconds": dict(of.milliseconds)}
            for host, of in self.requests.items()
        }
        return {**vars(self), "requests": requests}

    def answered(self, balancer: str, told: Document) -> None:
        """Take in what a balancer tells (module balancer_canary)."""
        for host, of in told["requests"].items():
            more = Requests(_numbers(of["statuses"]), _numbers(of["milliseconds"]))
            self.requests[host] = self.requests.get(host, Requests()) + more
        before = self.hidden_before.setdefault(balancer, dict(told["hidden"]))
        # A HAProxy that was started anew counts from 0.
        since = told["hidden"][self.canary] - before[self.canary]
        self.hidden[balancer] = since if since >= 0 else told["hidden"][self.canary]
        status = str(told["status"][self.canary])
        if not status.startswith("UP"):
            self.troubles.append(f"{balancer} finds it {status}: its health checks fail")

    def felt(self, pulses: Sequence[Document]) -> None:
        """Take in what hosts tell of their services (module service_pulse)."""
        for pulse in pulses:
            if "processes" not in pulse:
                continue  # a host that can't be reached has no say here
            self.memory.setdefault(pulse["item"], []).append(pulse["bytes"])
            if pulse["compared"]:
                before = self.compared_before.setdefault(pulse["item"], pulse["compared"])
                self.compared[pulse["item"]] = {name: n - before[name] for name, n in pulse["compared"].items()}
            if pulse["item"] == self.canary:
                gone = set(self.processes) - set(pulse["processes"])
                self.processes = self.processes or pulse["processes"]
                if gone:
                    self.troubles.append(f"{len(gone)} of {len(self.processes)} processes of its service have ended")

    def evidence(self) -> Evidence:
        """For the judge."""
        hidden = Requests({0: sum(self.hidden.values())} if any(self.hidden.values()) else {})
        return Evidence(
            canary=self.requests.get(self.canary, Requests()) + hidden,
            others=summed(of for host, of in self.requests.items() if host not in (self.canary, "<NOSRV>")),
            compared=self._compared(),
            canary_bytes=tuple(self.memory.get(self.canary, ())),
            others_bytes=tuple(tuple(of) for host, of in self.memory.items() if host != self.canary),
            troubles=tuple(self.troubles),
        )

    def _compared(self) -> Compared | None:
        found = self.compared.values()
        if not found:
            return None  # all of them run a release that can't compare
        return Compared(*(sum(one[name] for one in found) for name in ("agree", "differ", "failed")))


def _numbers(counted: Mapping[Any, Any]) -> dict[int, int]:
    """JSON's keys are text."""
    return {int(key): int(count) for key, count in counted.items()}
