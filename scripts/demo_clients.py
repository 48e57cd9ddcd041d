"""What the clients of the fleet's demo meet: a line a second, and a table at the end."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from support.load import Answer, Load


def percentile(answers: Sequence[Answer], share: float) -> float:
    """Milliseconds that this share of the answers took at most; 0 without answers."""
    times = sorted(one.seconds for one in answers)
    return times[min(len(times) - 1, int(len(times) * share))] * 1000 if times else 0.0


def line(loads: Sequence[Load], second: float, hosts: Sequence[str]) -> str:
    """What all clients met in the last second, and at which hosts."""
    met = [one for load in loads for one in load.since(time.monotonic() - second)]
    by_host = Counter(one.host or "nobody" for one in met)
    at = ", ".join(f"{name} {by_host[name]}" for name in hosts)
    failed = sum(len(load.failed()) for load in loads)
    return f"{len(met) / second:3.0f} requests/s, {failed} failed, p99 {percentile(met, 0.99):4.0f} ms; {at}"


def tell(met: Mapping[str, Sequence[Answer]]) -> None:
    """A table with a row for each stretch of time."""
    table = Table(title="What clients met")
    for column in ("", "requests", "right", "failed", "asked to come again", "p50 ms", "p99 ms", "versions"):
        table.add_column(column, justify="left" if column in {"", "versions"} else "right")
    for name, answers in met.items():
        count = Counter(one.status if one.right else "wrong" for one in answers)
        table.add_row(
            name,
            str(len(answers)),
            str(count["200"]),
            str(len(answers) - count["200"] - count["429"]),
            str(count["429"]),
            f"{percentile(answers, 0.5):.0f}",
            f"{percentile(answers, 0.99):.0f}",
            ", ".join(sorted({one.version[:12] for one in answers if one.version})),
        )
    Console(width=120).print(table)
