"""What a build tries before it chooses a model's precision, and how that is told to people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping, Optional, Sequence

from typing_extensions import Protocol


class Found(Protocol):
    """What a comparison with the eager model found."""

    def document(self) -> Dict[str, Any]:
        """For JSON."""


@dataclass(frozen=True)
class Trial:
    """What was found about one precision."""

    precision: str
    refusal: str = ""
    """Why it may not serve; empty when it may."""
    found: Optional[Found] = None
    """None where it was not compared."""
    held_out: Optional[Found] = None
    """The same of forms that were calibrated without the item that each answer is about."""
    milliseconds: float = 0.0
    """Of one thread's processor time for an item of a batch of 8, the shortest of several runs; 0 where it
    never ran."""

    def document(self) -> Dict[str, Any]:
        """For JSON."""
        told: Dict[str, Any] = {"precision": self.precision, "accepted": not self.refusal}
        if self.refusal:
            told["refusal"] = self.refusal
        if self.milliseconds:
            told["cpu_ms_per_item"] = round(self.milliseconds, 3)
        if self.found is not None:
            told["agreement"] = self.found.document()
        if self.held_out is not None:
            told["held_out"] = self.held_out.document()
        return told


def settled(asked: str, trials: Sequence[Trial]) -> Dict[str, Any]:
    """A report: chosen is the fastest form that may serve, or none, for a reason."""
    report: Dict[str, Any] = {
        "asked": asked,
        "chosen": None,
        "trials": [trial.document() for trial in trials],
    }
    accepted = [trial for trial in trials if not trial.refusal]
    if accepted:
        report["chosen"] = min(accepted, key=lambda trial: trial.milliseconds).precision
    else:
        report["reason"] = "; ".join(f"{trial.precision}: {trial.refusal}" for trial in trials) + "."
    return report


@dataclass(frozen=True)
class Column:
    """Of the table of trials."""

    title: str
    cell: Callable[[Mapping[str, Any]], str]
    """From what was found, as in JSON."""


@dataclass(frozen=True)
class Telling:
    """How a task tells of its trials."""

    item: str
    """What the milliseconds are for."""
    about: Callable[[Mapping[str, Any], Mapping[str, float]], Sequence[str]]
    """What they were judged by, in sentences, from the report and the model's tolerance."""
    columns: Sequence[Column]
