"""Bring what a run found about the rows in turns into docs/performance.md."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Dict

import report
from environments import ROOT

PAGE = ROOT / "docs" / "performance.md"
_MARKS = "<!-- bench {row}: written by --publish -->\n", "<!-- end of bench {row} -->\n"


def publish(results: report.Results, plots: Path, page: Path = PAGE) -> None:
    """Replace the tables between the page's marks, and the plots beside it.

    Raises ValueError where the page has no such marks.
    """
    text = page.read_text(encoding="utf-8")
    for row, told in report.IN_TURNS.items():
        if row not in results:
            continue
        begin, end = (mark.format(row=row) for mark in _MARKS)
        before, opened, rest = text.partition(begin)
        _, closed, behind = rest.partition(end)
        if not opened or not closed:
            raise ValueError(f"{page} has no place for row {row}: {begin.strip()} ... {end.strip()}")
        names = [f"{told.unit}s-{count}.svg" for count in told.clients]
        for name in names:
            shutil.copyfile(plots / name, page.parent / "performance" / name)
        images = [f"![{name}](performance/{name})" for name in names]
        lines = ["", _machine(results["machine"]), "", *report.in_turns(results, row), "", *images, "", ""]
        text = before + begin + "\n".join(lines) + end + behind
    page.write_text(text, encoding="utf-8")


def _machine(about: Dict[str, Any]) -> str:
    return (
        f"{about['cpus']} CPUs ({about['cpu']}), load generator included; load average before the run "
        f"{about['load_average_before']:.1f}."
    )
