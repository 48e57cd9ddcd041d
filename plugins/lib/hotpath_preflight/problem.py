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
    counted = ", ".join(_count(count, name) for name, count in counts.items())
    summary = f"{_count(len(hosts), 'host')} judged: {counted}"
    # What several hosts have in common, a misspelt variable of their group for example, is said once.
    shared: dict[Problem, list[str]] = {}
    for problem in sorted(problems, key=lambda problem: (ORDER[problem.severity], problem.host, problem.check)):
        shared.setdefault(problem.on(""), []).append(problem.host)
    entries = (_entry(problem.on(", ".join(dict.fromkeys(on)))) for problem, on in shared.items())
    return "\n".join([*entries, summary])


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


def _entry(problem: Problem) -> str:
    head = f"{problem.severity.upper():8}{problem.host or 'inventory'}: {problem.check}: {problem.found}"
    lines = [f"why: {problem.reason}", f"remedy: {problem.remedy}"]
    wrapped = [textwrap.fill(line, 116, initial_indent=" " * 8, subsequent_indent=" " * 10) for line in lines]
    return "\n".join([head, *wrapped])
