"""The results as tables, with the ratios that the project promises."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any, Dict, List, Optional

import turns_report

Results = Dict[str, Any]

IN_TURNS = {"e": turns_report.TEXTS, "f": turns_report.OBJECTS}


def machine() -> Dict[str, Any]:
    """What the figures were measured on."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": names[0].partition(":")[2].strip() if names else platform.processor(),
        "cpus": len(os.sched_getaffinity(0)),
        "load_average_before": os.getloadavg()[0],
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def tables(results: Results) -> str:
    """Markdown: one table a row, and a verdict for each promise."""
    about = results["machine"]
    lines = ["# Bench", "", f"{about['cpus']} CPUs ({about['cpu']}), load generator included.", ""]
    if "a" in results:
        lines += ["## (a) Tiny model, 500-pixel photographs", "", *_closed(results["a"], ["16", "64"])]
        lines += [*_ratios(results["a"], ["16", "64"], "p99_ms", 3.0), ""]
    if "b" in results:
        lines += ["## (b) EfficientNet-Lite0, 32 clients", "", *_closed(results["b"], ["32"])]
        lines += [*_ratios(results["b"], ["32"], "p95_ms", 3.0), *_ceiling(results), ""]
    if "c" in results:
        lines += ["## (c) Open loop at 70 % of capacity", "", *_open(results["c"]), ""]
    if "d" in results:
        lines += ["## (d) Large photographs, EfficientNet-Lite0", "", *_stages(results["d"]), ""]
    if "e" in results:
        lines += ["## (e) Sentence embeddings, a text a request, 32 clients", "", *in_turns(results, "e"), ""]
    if "f" in results:
        lines += ["## (f) Object detection, a photograph a request", "", *in_turns(results, "f"), ""]
    return "\n".join(lines) + "\n"


def in_turns(results: Results, row: str) -> List[str]:
    """The table of a row whose servers were loaded in turns."""
    return turns_report.lines(results[row], IN_TURNS[row])


def _closed(rows: Dict[str, Any], counts: List[str]) -> List[str]:
    lines = [
        "| server | form | clients | requests/s | p50 ms | p95 ms | p99 ms | CPU ms each | right | errors |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for row in rows.values():
        if "failure" in row:
            lines.append(f"| {row['title']} | {row['form']} | | failed: {row['failure']} | | | | | | |")
            continue
        right = f"{row['right']}/{row['of']}" if "right" in row else ""
        for count in counts:
            found = row.get(count, {})
            cells = [
                found.get(key, "") for key in ("rate", "p50_ms", "p95_ms", "p99_ms", "cpu_ms_per_request")
            ]
            errors = ", ".join(f"{name}: {number}" for name, number in found.get("errors", {}).items())
            texts = " | ".join(str(cell) for cell in cells)
            lines.append(f"| {row['title']} | {row['form']} | {count} | {texts} | {right} | {errors} |")
    return [*lines, ""]


def _ratios(rows: Dict[str, Any], counts: List[str], tail: str, wanted: float) -> List[str]:
    lines = []
    for count in counts:
        ours = rows.get("hotpath", {}).get(count)
        best = _best({name: row for name, row in rows.items() if not name.endswith("-ours")}, count)
        if not ours or not ours["rate"] or best is None:
            continue
        theirs = rows[best][count]
        lines.append(
            f"- {count} clients: {ours['rate'] / theirs['rate']:.2f} times the best peer's ({best}; "
            f"promised {wanted:g}), {tail[:-3]} at {ours[tail] / theirs[tail]:.2f} of its (promised 0.5)"
        )
    return lines


def _best(rows: Dict[str, Any], count: str) -> Optional[str]:
    rates = {n: r[count]["rate"] for n, r in rows.items() if n != "hotpath" and r.get(count, {}).get("rate")}
    return max(rates, key=lambda name: rates[name]) if rates else None


def _ceiling(results: Results) -> List[str]:
    ours = results["b"].get("hotpath", {}).get("32")
    if not ours:
        return []
    lines = [
        f"- {ours['rate'] / rate:.0%} of the model alone in {form} threads, {rate} images/s (promised 90 %)"
        for form, rate in results["ceiling"]["images_per_second"].items()
    ]
    for name, row in results["b"].items():
        if name.endswith("-ours") and row.get("32", {}).get("rate"):
            times = ours["rate"] / row["32"]["rate"]
            lines.append(f"- {times:.2f} times the best peer given our model form ({name}; promised 1.25)")
    return lines


def _open(rows: Dict[str, Any]) -> List[str]:
    lines = [
        "| model | capacity/s | arrivals | rate/s | p50 ms | p99 ms | ideal p99 ms | p99 / lone |",
        "|---|--:|---|--:|--:|--:|--:|--:|",
    ]
    for model, row in rows.items():
        for how, ideal in (("constant", ""), ("random", row["ideal_p99_ms"])):
            opened = row[how]
            promise = " (promised 3)" if how == "constant" else ""
            lines.append(
                f"| {model} | {row['capacity']['rate']} | {how} | {opened['rate']} | {opened['p50_ms']} "
                f"| {opened['p99_ms']} | {ideal} | {opened['p99_ms'] / row['lone']['p50_ms']:.2f}{promise} |"
            )
    lines.append("")
    for model, row in rows.items():
        lone, floor = row["lone"]["p50_ms"], row["floor_ms"]
        lines.append(
            f"- {model}, a lone request: {lone} ms, {lone - floor:.2f} more than decoding and a batch of one "
            f"alone, {floor} (promised 3)"
        )
    return lines


def _stages(rows: Dict[str, Any]) -> List[str]:
    lines = [
        "| load | requests/s | p50 ms | decode | queue | compute | rest | batch |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, row in rows.items():
        if "stages_ms" in row:
            cells = " | ".join(
                str(row["stages_ms"][k]) for k in ("decode", "queue", "compute", "rest", "batch")
            )
            lines.append(f"| {name} | {row['rate']} | {row['p50_ms']} | {cells} |")
        elif row.get("32"):
            found = row["32"]
            label = f"{row['title']}, 1920 px, 32 clients"
            lines.append(f"| {label} | {found['rate']} | {found.get('p50_ms', '')} | | | | | |")
    return lines
