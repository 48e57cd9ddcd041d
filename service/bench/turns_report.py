"""A row whose servers were loaded in turns as a table, with its ratios."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Sequence, Tuple

from turns import ranked

_CELLS = ("rate", "p50_ms", "p95_ms", "p99_ms", "cpu_ms_per_request")


@dataclass(frozen=True)
class Told:
    """What a row is about."""

    unit: str
    """What a request holds one of."""
    clients: Sequence[str]
    worst: Sequence[Tuple[str, str]]
    """What was found of all answers, by its key: the column's title."""
    ours: Sequence[str] = ("hotpath",)
    promised_lone: str = ""
    """Of one alone, beside the quickest peer's time."""


TEXTS = Told(
    "text", ("32",), [("lowest_cosine", "lowest cosine")], ("hotpath", "hotpath-predict"), "; promised 1"
)
OBJECTS = Told(
    "photograph",
    ("16", "32"),
    [("lowest_overlap", "least overlap"), ("largest_difference", "largest difference of a score")],
)


def lines(rows: Dict[str, Any], told: Told) -> List[str]:
    """Markdown: medians of the rounds."""
    titles = [
        f"{told.unit}s/s",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        f"CPU ms a {told.unit}",
        "one alone, ms",
        "wrong",
    ]
    titles += [title for _, title in told.worst]
    found = [
        f"| server | form | clients | {' | '.join(titles)} | errors |",
        "|---|---|--:|" + "--:|" * len(titles) + "--:|",
    ]
    for row in rows.values():
        for count in told.clients:
            found.append(f"| {row['title']} | {row['form']} | {count} | {_cells(row, count, told)} |")
    return [*found, "", *_verdicts(rows, told)]


def _cells(row: Dict[str, Any], count: str, told: Told) -> str:
    many = row.get(count, {})
    if not many.get("rate"):
        why = row.get("failure") or many.get("failure", "no answers")
        return f"failed: {why}" + " |" * (len(_CELLS) + len(told.worst) + 2)
    cells = [many[key] for key in _CELLS]
    cells += [row["1"].get("p50_ms", ""), f"{row['wrong']} of {row['checked']}"]
    cells += [row.get(key, "") for key, _ in told.worst]
    return " | ".join(str(cell) for cell in [*cells, row["errors"]])


def _verdicts(rows: Dict[str, Any], told: Told) -> List[str]:
    peers = {name: row for name, row in rows.items() if name not in told.ours}
    found = []
    for ours in (rows[name] for name in told.ours if name in rows):
        for count in told.clients:
            if ours.get(count, {}).get("rate") and ranked(peers, count, "rate"):
                found.append(f"- {ours['title']}, {count} clients: {_beside(ours, peers, count, told)}")
        padded = ours.get(told.clients[-1], {}).get("padded_share")
        if padded is not None:
            found.append(f"- {ours['title']}: {padded:.1%} of all units padded (promised at most 15 %)")
        quickest = ranked(peers, "1", "p50_ms")
        if quickest and ours.get("1", {}).get("p50_ms"):
            name, theirs = quickest[0]
            share = f"{ours['1']['p50_ms'] / theirs:.2f} of the quickest peer's time"
            found.append(f"- {ours['title']}, one alone: {share} ({name}{told.promised_lone})")
    return found


def _beside(ours: Dict[str, Any], peers: Dict[str, Any], count: str, told: Told) -> str:
    best, rate = ranked(peers, count, "rate")[-1]
    thriftiest, spent = ranked(peers, count, "cpu_ms_per_request")[0]
    return (
        f"{ours[count]['rate'] / rate:.2f} times the best peer's {told.unit}s/s ({best}; promised 2), "
        f"p99 at {ours[count]['p99_ms'] / peers[best][count]['p99_ms']:.2f} of its (promised 0.5); "
        f"processor time a {told.unit} {ours[count]['cpu_ms_per_request'] / spent:.2f} of the thriftiest "
        f"peer's ({thriftiest})"
    )
