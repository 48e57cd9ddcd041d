"""One thing that is wrong, and the table in which all of them are shown."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Severity = Literal["error", "warning", "note"]
ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Problem:
    """What was found, why it is a problem and the way out of it. Only errors stop a play."""

    check: str
    found: str
    reason: str
    remedy: str
    severity: Severity = "error"
    host: str = ""

    def on(self, host: str) -> Problem:
        return replace(self, host=host)


def table(problems: Sequence[Problem], hosts: Sequence[str]) -> str:
    """All problems as text, errors first; with a closing line that counts them."""
    counts = {severity: sum(problem.severity == severity for problem in problems) for severity in ORDER}
    summary = f"{len(hosts)} hosts judged: " + ", ".join(f"{count} {name}s" for name, count in counts.items())
    ordered = sorted(problems, key=lambda problem: (ORDER[problem.severity], problem.host, problem.check))
    return "\n".join([*(_entry(problem) for problem in ordered), summary])


def _entry(problem: Problem) -> str:
    head = f"{problem.severity.upper():8}{problem.host or 'inventory'}: {problem.check}: {problem.found}"
    lines = [f"why: {problem.reason}", f"remedy: {problem.remedy}"]
    wrapped = [textwrap.fill(line, 116, initial_indent=" " * 8, subsequent_indent=" " * 10) for line in lines]
    return "\n".join([head, *wrapped])
