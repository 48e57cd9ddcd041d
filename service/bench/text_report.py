"""The row of sentence embeddings as a table, with its ratios."""

from __future__ import annotations

from typing import Any, Dict, List

OURS = ("hotpath", "hotpath-predict")
MANY, ONE = "32", "1"


def lines(rows: Dict[str, Any]) -> List[str]:
    """Markdown: medians of the rounds."""
    found = [
        "| server | form | texts/s | p50 ms | p95 ms | p99 ms | CPU ms a text | one alone, ms | wrong | lowest cosine |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows.values():
        if not row.get(MANY, {}).get("rate"):
            why = row.get("failure") or row.get(MANY, {}).get("failure", "no answers")
            found.append(f"| {row['title']} | {row['form']} | failed: {why} | | | | | | | |")
            continue
        many = row[MANY]
        cells = [many[key] for key in ("rate", "p50_ms", "p95_ms", "p99_ms", "cpu_ms_per_request")]
        cells += [row[ONE].get("p50_ms", ""), f"{row['wrong']}/{row['checked']}", row["lowest_cosine"]]
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
            best = max(peers, key=lambda name: float(peers[name][MANY]["rate"]))
            quickest = min(peers, key=lambda name: float(peers[name][ONE]["p50_ms"]))
            found[-1] += (
                f"; {ours[MANY]['rate'] / peers[best][MANY]['rate']:.2f} times the best peer's texts/s ({best}; "
                f"promised 2), p99 at {ours[MANY]['p99_ms'] / peers[best][MANY]['p99_ms']:.2f} of its (promised "
                f"0.5); one alone takes {ours[ONE]['p50_ms'] / peers[quickest][ONE]['p50_ms']:.2f} of the "
                f"quickest peer's time ({quickest}; promised 1)"
            )
    return found
