"""The row of sentence embeddings as a table, with its ratios."""

from __future__ import annotations

from typing import Any, Dict, List

OURS = ("hotpath", "hotpath-predict")
MANY, ONE = "32", "1"


def lines(rows: Dict[str, Any]) -> List[str]:
    """Markdown: medians of the rounds."""
    found = [
        "| server | form | texts/s | p50 ms | p95 ms | p99 ms | CPU ms a text | one alone, ms | wrong "
        "| lowest cosine | errors |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows.values():
        if not row.get(MANY, {}).get("rate"):
            why = row.get("failure") or row.get(MANY, {}).get("failure", "no answers")
            found.append(f"| {row['title']} | {row['form']} | failed: {why} | | | | | | | | |")
            continue
        many = row[MANY]
        cells = [many[key] for key in ("rate", "p50_ms", "p95_ms", "p99_ms", "cpu_ms_per_request")]
        cells += [
            row[ONE].get("p50_ms", ""),
            f"{row['wrong']}/{row['checked']}",
            row["lowest_cosine"],
            row["errors"],
        ]
        found.append(f"| {row['title']} | {row['form']} | {' | '.join(str(cell) for cell in cells)} |")
    return [*found, "", *_verdicts(rows)]


def _verdicts(rows: Dict[str, Any]) -> List[str]:
    peers = {name: row for name, row in rows.items() if name not in OURS and row.get(MANY, {}).get("rate")}
    found = []
    for ours in (rows[name] for name in OURS if rows.get(name, {}).get(MANY, {}).get("rate")):
        found.append(
            f"- {ours['title']}: {ours['padded_share']:.1%} of all units padded (promised at most 15 %)"
        )
        if peers:
            found[-1] += f"; {_beside(ours, peers)}"
    return found


def _beside(ours: Dict[str, Any], peers: Dict[str, Dict[str, Any]]) -> str:
    def ratio(key: str, clients: str, name: str) -> float:
        return float(ours[clients][key]) / float(peers[name][clients][key])

    def least(key: str, clients: str) -> str:
        return min(peers, key=lambda name: float(peers[name][clients][key]))

    best = max(peers, key=lambda name: float(peers[name][MANY]["rate"]))
    quickest, thriftiest = least("p50_ms", ONE), least("cpu_ms_per_request", MANY)
    return (
        f"{ratio('rate', MANY, best):.2f} times the best peer's texts/s ({best}; promised 2), "
        f"p99 at {ratio('p99_ms', MANY, best):.2f} of its (promised 0.5); "
        f"one alone takes {ratio('p50_ms', ONE, quickest):.2f} of the quickest peer's time ({quickest}; "
        f"promised 1); processor time a text {ratio('cpu_ms_per_request', MANY, thriftiest):.2f} of the "
        f"thriftiest peer's ({thriftiest})"
    )
