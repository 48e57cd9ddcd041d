"""Plots of a run: PLOTS RESULTS.json OUTPUT. Runs in the tools' environment."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from matplotlib import pyplot, rcParams

OURS, THEIRS = "#0b6e4f", "#9aa5b1"
STAGES = {"decode": "#e07a3f", "queue": "#c9cdd2", "compute": "#0b6e4f", "rest": "#5b7fa6"}


USUAL = (("rate", "requests/s"), ("p99_ms", "p99 ms"))


def bars(
    rows: Dict[str, Any], count: str, title: str, target: Path, panels: Sequence[Tuple[str, str]] = USUAL
) -> None:
    """Requests a second by server, and the latency's tail beside it; or other panels: keys and labels."""
    found: List[Tuple[str, Dict[str, Any]]] = [
        (row["title"], row[count]) for row in rows.values() if row.get(count, {}).get("rate")
    ]
    found.sort(key=lambda item: item[1]["rate"])
    names = [name for name, _ in found]
    colours = [OURS if name.startswith("Hotpath") else THEIRS for name in names]
    figure, axes = pyplot.subplots(1, len(panels), figsize=(10, 0.42 * len(found) + 1.2), sharey=True)
    for axis, (key, label) in zip(axes, panels):
        axis.barh(names, [row[key] for _, row in found], color=colours)
        axis.set_xlabel(label)
        for position, (_, row) in enumerate(found):
            figures = 0 if row[key] >= 10 else 1
            axis.text(row[key], position, f" {row[key]:.{figures}f}", va="center", fontsize=8)
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(x=0.12)
    figure.suptitle(title, fontsize=11)
    save(figure, target)


def stages(rows: Dict[str, Any], target: Path) -> None:
    """Mean milliseconds of a request in each stage."""
    found = {name: row["stages_ms"] for name, row in rows.items() if "stages_ms" in row}
    figure, axis = pyplot.subplots(figsize=(9, 0.5 * len(found) + 1.3))
    for position, (name, parts) in enumerate(found.items()):
        start = 0.0
        for stage, colour in STAGES.items():
            axis.barh(name, parts[stage], left=start, color=colour, label=stage if position == 0 else None)
            start += parts[stage]
    axis.invert_yaxis()
    axis.set_xlabel("ms of a request, mean")
    axis.legend(ncols=4, frameon=False, loc="lower right", bbox_to_anchor=(1, 1))
    axis.spines[["top", "right"]].set_visible(False)
    save(figure, target)


def shares(ways: Dict[str, Any], titles: Dict[str, str], target: Path) -> None:
    """The latency's tail at each share of capacity, a line for each way of balancing."""
    figure, axis = pyplot.subplots(figsize=(8, 4.5))
    for name, runs in ways.items():
        loads = [100 * float(share) for share in runs]
        style = {"ideal": ("black", "--"), "central": (OURS, "-")}.get(name, (None, "-"))
        tails = [run["p99_ms"] for run in runs.values()]
        axis.plot(loads, tails, marker="o", color=style[0], linestyle=style[1], label=titles[name])
    axis.set_yscale("log")
    axis.set_xlabel("% of what the hosts can do together")
    axis.set_ylabel("p99 ms")
    axis.legend(frameon=False, fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    save(figure, target)


def save(figure: Any, target: Path) -> None:
    """Write and forget it."""
    figure.tight_layout()
    # No metadata, so that the same figures give the same file.
    figure.savefig(target, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    pyplot.close(figure)


def main() -> int:
    """Run the command line."""
    pyplot.switch_backend("svg")
    rcParams["svg.hashsalt"] = "hotpath"  # the same figures make the same file
    results, output = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    if "a" in results:
        for count in ("16", "64"):
            title = f"Tiny model, 500-pixel photographs, {count} clients"
            bars(results["a"], count, title, output / f"tiny-{count}.svg")
    if "b" in results:
        bars(results["b"], "32", "EfficientNet-Lite0, 32 clients", output / "efficientnet-32.svg")
    for row, unit, subject, counts in (
        ("e", "text", "Sentence embeddings", ("32",)),
        ("f", "photograph", "Object detection", ("16", "32")),
    ):
        panels = (("rate", f"{unit}s/s"), USUAL[1], ("cpu_ms_per_request", f"CPU ms a {unit}"))
        for count in counts if row in results else ():
            title = f"{subject}, {count} clients"
            bars(results[row], count, title, output / f"{unit}s-{count}.svg", panels)
    if "balancing" in results:
        shares(results["balancing"], results["titles"], output / "balancing.svg")
    if "d" in results:
        stages(results["d"], output / "stages.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
