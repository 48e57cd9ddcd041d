"""The tolerance report of a build, for people."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

REPORT = "report.json"
REPORT_TEXT = "report.txt"


def as_text(report: Mapping[str, Any]) -> str:
    """What report.json says, in sentences and one table."""
    tolerance = report["tolerance"]
    lines = [
        f"{report['name']} {report['version']} ({report['architecture']}), built with "
        + ", ".join(f"{name} {version}" for name, version in report["built_with"].items()),
        "",
        "Largest difference of a score from the eager float32 model on the probes, in batches of "
        + ", ".join(str(size) for size in report["check"]["batch_sizes"])
        + ":",
        *(f"  {name:<12} {value:.2g}" for name, value in report["check"]["largest_difference"].items()),
    ]
    if report["precision"]:
        lines += ["", *_precision(report["precision"], tolerance)]
    return "\n".join(lines) + "\n"


def _precision(report: Mapping[str, Any], tolerance: Mapping[str, float]) -> List[str]:
    lines = [
        f"Back end onednn, precision asked: {report['asked']}; chosen: {report['chosen'] or 'none'}"
        + (f" ({report['reason']})" if "reason" in report else ""),
    ]
    if not report["trials"]:
        return lines
    lines += [
        f"A reduced precision must give {tolerance['top1']:.1%} of the decided crops the same best class; "
        f"probabilities may differ by {tolerance['mean']:g} on average and {tolerance['largest']:g} at most.",
        "CPU ms: of one thread, for an image of a batch of 8.",
        "",
        f"{'precision':<10} {'CPU ms':>9} {'same best class':>16} {'of decided crops':>17} "
        f"{'mean diff.':>11} {'max diff.':>10}  verdict",
        *(_row(trial) for trial in report["trials"]),
    ]
    return lines


def _row(trial: Mapping[str, Any]) -> str:
    verdict = "accepted" if trial["accepted"] else f"refused: {trial['refusal']}"
    found: Dict[str, Any] = trial.get("agreement", {})
    if not found:
        return f"{trial['precision']:<10} {'':>67}  {verdict}"
    all_crops = f"{found['same_top1']:.1%} of {found['pictures']}"
    decided = f"{found['decided_same_top1']:.1%} of {found['decided']}"
    return (
        f"{trial['precision']:<10} {trial['cpu_ms_per_image']:>9.2f} {all_crops:>16} {decided:>17} "
        f"{found['mean_difference']:>11.2g} {found['largest_difference']:>10.2g}  {verdict}"
    )
