"""The course of a judgement: when the canary is looked at, and what each look comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from hotpath_rollout.evidence import Evidence
from hotpath_rollout.figures import disagreement, errors, leak, slowness

TESTS = 4
"""Tests that may err by chance at a look: failures, refusals, times, disagreements."""


@dataclass(frozen=True)
class Plan:
    """At most so many looks, each after enough further time and requests; all of them share the chance of error."""

    requests: int = 500
    """Of clients that the canary must have had before it counts as good; 2 % of failures are seen among as many."""
    comparisons: int = 50
    """Answers that must have been compared."""
    looks: int = 10
    seconds: float = 40.0
    """The shortest time to watch for."""
    patience_s: float = 900.0
    """The longest time to wait for requests."""
    risk: float = 0.02
    """That any look of a rollout finds something against a canary that is like the others; 1 less Kayenta's 0.98."""

    @classmethod
    def of(cls, wishes: Mapping[str, Any]) -> Plan:
        """With what a play wants otherwise, of which templates make texts."""
        whole = {field.name for field in fields(cls) if isinstance(field.default, int)}
        numbers: dict[str, Any] = {
            name: int(value) if name in whole else float(value) for name, value in wishes.items()
        }
        return cls(**numbers)

    @property
    def alpha(self) -> float:
        """What one test of one look may err by (Bonferroni)."""
        return self.risk / (self.looks * TESTS)


class Kind(StrEnum):
    """What a look can come to."""

    OPEN = "open"
    GOOD = "good"
    BAD = "bad"
    HOLD = "hold"
    """Too little was seen: neither good nor bad."""


@dataclass(frozen=True)
class Verdict:
    """And the figure that decides, or what is missing."""

    kind: Kind
    figure: str


class Watch:
    """Looks at a canary until it is decided."""

    def __init__(self, plan: Plan, looks: int = 0) -> None:
        self._plan = plan
        self.looks = looks
        """That have been due so far; of several at once the last was taken."""

    def look(self, seconds: float, evidence: Evidence) -> Verdict:
        """What is known so many seconds after the canary's first request."""
        plan = self._plan
        figure = "; ".join(evidence.troubles) or leak(evidence, seconds)
        due = self._due(seconds, evidence)
        if not figure and due > self.looks:
            self.looks = due
            figure = (
                errors(evidence, plan.alpha)
                or disagreement(evidence.compared, plan.alpha)
                or slowness(evidence, plan.alpha)
            )
        if figure:
            return Verdict(Kind.BAD, figure)
        lacking = self._lacking(seconds, evidence)
        if not lacking:
            return Verdict(Kind.GOOD, summary(evidence))
        if seconds >= plan.patience_s:
            return Verdict(Kind.HOLD, f"after {seconds:.0f} s {lacking}")
        return Verdict(Kind.OPEN, lacking)

    def _due(self, seconds: float, evidence: Evidence) -> int:
        """How many looks have been due by now; one that comes for nothing new would cost chance of error."""
        plan = self._plan
        if not evidence.others.count:
            return 0
        part = min(seconds / max(plan.seconds, 1.0), evidence.canary.count / max(plan.requests, 1), 1.0)
        return int(plan.looks * part)

    def _lacking(self, seconds: float, evidence: Evidence) -> str:
        """What must still be seen, in words."""
        plan, compared, words = self._plan, evidence.compared, []
        if evidence.canary.count < plan.requests:
            words.append(f"{evidence.canary.count} of {plan.requests} requests came to the canary")
        if not evidence.others.count and plan.requests:
            words.append("no other host answered any to compare with")
        if compared is not None and compared.count < plan.comparisons:
            words.append(f"{compared.count} of {plan.comparisons} answers were compared")
        if not words and seconds < plan.seconds:
            words.append(f"{seconds:.0f} of {plan.seconds:.0f} s have passed")
        return ", ".join(words)


def summary(evidence: Evidence) -> str:
    """What a good canary was seen to do."""
    canary, compared = evidence.canary, evidence.compared
    agreed = "no answers compared" if compared is None else f"{compared.agreed} of {compared.count} answers agreed"
    return f"{canary.count} requests, {canary.failed} failed, {canary.refused} refused, {agreed}"
