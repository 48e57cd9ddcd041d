"""The tolerance report of a build, for people."""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping

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
    right, views = report["verdicts"]["eager_right"], report["verdicts"]["views"]
    lines += [
        f"The eager model is right about {right} of {views} views, which are the probes in the sizes and "
        "qualities in which clients send them.",
        "A reduced precision must be right about these too, and give "
        f"{tolerance['top1']:.1%} of the decided pictures (views and crops) the same best class; "
        f"probabilities may differ by {tolerance['mean']:g} on average and {tolerance['largest']:g} at most.",
        "CPU ms: of one thread, for an image of a batch of 8. "
        "Held out: calibrated without the photograph in question.",
        "",
        f"{'precision':<10} {'CPU ms':>9} {'views lost':>10} {'same best class':>16} {'of decided':>13} "
        f"{'mean diff.':>11} {'max diff.':>10}  verdict",
        *(row for trial in report["trials"] for row in _rows(trial)),
        *_given_up(report),
    ]
    return lines


def _rows(trial: Mapping[str, Any]) -> Iterator[str]:
    verdict = "accepted" if trial["accepted"] else f"refused: {trial['refusal']}"
    if "agreement" not in trial:
        yield f"{trial['precision']:<10} {'':>74}  {verdict}"
        return
    name, milliseconds = trial["precision"], trial["cpu_ms_per_image"]
    yield f"{name:<10} {milliseconds:>9.2f} {_found(trial['agreement'])}  {verdict}"
    if "held_out" in trial:
        yield f"{'  held out':<10} {'':>9} {_found(trial['held_out'])}"


def _found(found: Mapping[str, Any]) -> str:
    everything = f"{found['same_top1']:.1%} of {found['pictures']}"
    decided = f"{found['decided_same_top1']:.1%} of {found['decided']}"
    return (
        f"{found['verdicts_lost']:>10} {everything:>16} {decided:>13} "
        f"{found['mean_difference']:>11.2g} {found['largest_difference']:>10.2g}"
    )


def _given_up(report: Mapping[str, Any]) -> Iterator[str]:
    """What a faster form would have saved, and why it is not taken."""
    measured = {
        trial["precision"]: trial["cpu_ms_per_image"] for trial in report["trials"] if "agreement" in trial
    }
    chosen = measured.get(report["chosen"])
    for trial in report["trials"]:
        if not trial["accepted"] and chosen and measured.get(trial["precision"], chosen) < chosen:
            name = trial["precision"]
            yield (
                f"Given up: {name}, which takes {measured[name] / chosen:.0%} of {report['chosen']}'s time, "
                f"because {trial['refusal']}."
            )
