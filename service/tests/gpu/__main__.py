"""`python -m gpu`: run every check that this machine can, print a table, leave JSON.

Exit status: 0 where all that could be run passed, 1 where something failed, 2 where nothing could be run.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, List

from gpu import checks
from gpu.machine import discover
from gpu.running import FAILED, NOT_RUN, PASSED, WHOLE_S, Outcome, run_all

ROOM = Path(__file__).parents[3] / ".cache" / "gpu"


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--room", type=Path, default=ROOM, help="where models, logs and report.json go")
    parser.add_argument("--seconds", type=float, default=WHOLE_S, help="for all checks together")
    parser.add_argument("--check", choices=checks.names(), help="run this one in this process")
    options = parser.parse_args()
    options.room.mkdir(parents=True, exist_ok=True)
    if options.check:
        print(json.dumps(getattr(checks, options.check)(options.room)))
        return 0
    machine = discover()
    outcomes = run_all(machine["lacks"], options.room, options.seconds)
    report = {"machine": machine, "checks": [asdict(outcome) for outcome in outcomes]}
    (options.room / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    print(table(machine, outcomes))
    print(f"\n{options.room / 'report.json'} has it all, and the checks' logs lie beside it.")
    return status(outcomes)


def table(machine: Dict[str, Any], outcomes: List[Outcome]) -> str:
    """What was found, for people."""
    has = [
        f"{name} {machine[name]}"
        for name in ("python", "torch", "torch_tensorrt", "tensorrt")
        if name in machine
    ]
    gpus = ", ".join(f"{one['name']} ({one['mib']} MiB)" for one in machine["gpus"]) or "no GPU"
    lines = [f"{', '.join(has)}; {gpus}", "", f"{'check':<12} {'':<8} {'s':>6}"]
    for outcome in outcomes:
        seconds = f"{outcome.seconds:.1f}" if outcome.state != NOT_RUN else ""
        lines.append(f"{outcome.name:<12} {outcome.state:<8} {seconds:>6}  {outcome.reason}".rstrip())
        if isinstance(outcome.found, dict):
            lines += [f"{'':>29} {name}: {_worded(value)}" for name, value in outcome.found.items()]
    counts = {state: sum(one.state == state for one in outcomes) for state in (PASSED, FAILED, NOT_RUN)}
    return "\n".join([*lines, "", ", ".join(f"{count} {state}" for state, count in counts.items())])


def _worded(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def status(outcomes: List[Outcome]) -> int:
    """Of the process."""
    states = {outcome.state for outcome in outcomes}
    return 1 if FAILED in states else 0 if PASSED in states else 2


if __name__ == "__main__":
    sys.exit(main())
