"""The tolerance report of a build, for people."""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Optional, Sequence

from hotpath.tasks import known
from hotpath.tasks.trials import Telling

REPORT = "report.json"
REPORT_TEXT = "report.txt"

_MILLISECONDS = "cpu_ms_per_item"


def as_text(report: Mapping[str, Any]) -> str:
    """What report.json says, in sentences and one table."""
    lines = [
        f"{report['name']} {report['version']} ({report['architecture']}), built with "
        + ", ".join(f"{name} {version}" for name, version in report["built_with"].items()),
        "",
        "Largest difference of a score from the eager float32 model on the probes, in batches of "
        + ", ".join(str(size) for size in report["check"]["batch_sizes"])
        + ":",
        *(f"  {name:<12} {value:.2g}" for name, value in report["check"]["largest_difference"].items()),
    ]
    if "exported" in report:
        lines += ["", *_exported(report["exported"])]
    if report["precision"]:
        lines += [
            "",
            *_precision(report["precision"], report["tolerance"], known.recipe(report["task"]).telling),
        ]
    return "\n".join(lines) + "\n"


def _exported(report: Mapping[str, Any]) -> Iterator[str]:
    chosen = report.get("precision")
    yield f"Back end cuda: {f'exported in {chosen}' if chosen else report['reason']}"
    if chosen:
        yield from (f"  {name} was refused: {reason}" for name, reason in report["refused"].items())


def _precision(
    report: Mapping[str, Any], tolerance: Mapping[str, float], telling: Optional[Telling]
) -> List[str]:
    chosen = f"Back end onednn, precision asked: {report['asked']}; chosen: {report['chosen'] or 'none'}"
    lines = [chosen + (f" ({report['reason']})" if "reason" in report else "")]
    if not report["trials"] or telling is None:
        return lines
    return [
        *lines,
        *telling.about(report, tolerance),
        f"CPU ms: of one thread, for {telling.item} of a batch of 8.",
        "",
        *_table(report["trials"], telling),
        *_given_up(report),
    ]


def _table(trials: Sequence[Mapping[str, Any]], telling: Telling) -> Iterator[str]:
    """A row for each trial, as wide as they need; numbers to the right."""
    rows = [["precision", "CPU ms", *(column.title for column in telling.columns), "verdict"]]
    for trial in trials:
        spent = f"{trial[_MILLISECONDS]:.2f}" if _MILLISECONDS in trial else ""
        verdict = "accepted" if trial["accepted"] else f"refused: {trial['refusal']}"
        rows.append([trial["precision"], spent, *_cells(trial.get("agreement"), telling), verdict])
        if "held_out" in trial:
            rows.append(["  held out", "", *_cells(trial["held_out"], telling), ""])
    widths = [max(len(cell) for cell in cells) for cells in zip(*rows)]
    for first, *middle, last in rows:
        numbers = " ".join(cell.rjust(width) for cell, width in zip(middle, widths[1:]))
        yield f"{first:<{widths[0]}} {numbers}  {last}".rstrip()


def _cells(found: Optional[Mapping[str, Any]], telling: Telling) -> List[str]:
    return ["" if found is None else column.cell(found) for column in telling.columns]


def _given_up(report: Mapping[str, Any]) -> Iterator[str]:
    """What a faster form would have saved, and why it is not taken."""
    measured = {trial["precision"]: trial.get(_MILLISECONDS) for trial in report["trials"]}
    chosen = measured.get(report["chosen"])
    for trial in report["trials"]:
        spent = trial.get(_MILLISECONDS)
        if not trial["accepted"] and chosen and spent and spent < chosen:
            yield (
                f"Given up: {trial['precision']}, which takes {spent / chosen:.0%} of {report['chosen']}'s "
                f"time, because {trial['refusal']}."
            )
