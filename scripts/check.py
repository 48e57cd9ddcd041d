"""Run the project's checks by stages, two at a time, and print a table of what passed.

Every stage runs even when an earlier one failed; the exit code is 1 when any failed. A stage's whole output is kept
under .cache/logs/check/; what scrolls by, behind the stage's name, is pytest's output and the headlines of the rest.
What failed is said once more at the very end, where somebody who sees only the last lines finds it.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".cache" / "logs" / "check"
VENV = ROOT / ".cache" / "venv"
CONTROLLER = str(VENV / "controller" / "bin" / "python")
SERVICE = str(VENV / "service" / "bin" / "python")
SERVICE38 = str(VENV / "service38" / "bin" / "python")
EVERYTHING = re.compile("")
# molecule tells of each step of a scenario, ansible of each host at the end of a play.
MOLECULE_HEADLINES = re.compile(r"(INFO|WARNING|ERROR|CRITICAL) |: ok=\d|failed: |fatal: |^SKIPPED |^=+ .* in [\d.]+s")
# What a tool says of a failure: pytest's summary, a linter's finding, Ansible's task with its message below.
COMPLAINT = re.compile(
    r"^((?:FAILED|ERROR) \S.*|\[ERROR\].*|\S+:\d+:\d+: .*|.*: error: .*)"
    r"|^(?:(?:TASK|RUNNING HANDLER) (\[.*\]) \*+\n)?((?:fatal|failed): .*)"
    r"(?:\n(?! +msg: )(?: +.*)?)*(\n +msg: .*(?:\n +.*)*)?",  # not what the module returns before its message
    re.MULTILINE,
)
COMPLAINTS = 8  # of a stage, each cut to so many characters as a terminal shows in two or three lines
COMPLAINT_LENGTH = 400
TAIL = 60
LANES = 2
EMULATED = "vm"  # the scenario on a virtual machine, the longest stage of all
# The stages that take minutes, from the longest on. They begin first, so that the lanes end together; only the linters,
# which have the quickest word, go before all but the longest.
LONGEST = (
    f"molecule {EMULATED}",
    "service on Python 3.11",
    "faults deploy",
    "faults sigkill",
    "faults bad_inventories",
    "end to end",
    "service on Python 3.8",
    "faults driver_changes",
)
LONG = ("vm_site",)  # scenarios that `make test` has no time for
# Scenarios whose very roles and suites another stage goes through, left to `make test-scenarios`: nvidia those of the
# first; end to end those of the other, with check mode and a second run of site.yml as molecule has them.
WITHIN = ("el8_repositories", "default")
# The service has its own settings and environment. Modules run apart: a filter may have the same name as a module.
TYPED = (
    "plugins/action",
    "plugins/callback",
    "plugins/filter",
    "plugins/lib",
    "plugins/test",
    "scripts",
    "tests",
    "inventory",
)
MODULES = ("plugins/modules", "plugins/module_utils")


@dataclass(frozen=True)
class Stage:
    """One command. `shown` selects the lines that are echoed while it runs."""

    name: str
    command: tuple[str, ...]
    group: str
    folder: str = "."
    shown: re.Pattern[str] = EVERYTHING


@dataclass(frozen=True)
class Outcome:
    stage: Stage
    code: int
    seconds: float
    closing: str  # pytest's closing line, where the stage ran pytest
    complaints: list[str]  # where it failed: the first of them, or its last line


def stages() -> Iterator[Stage]:
    """Every stage."""
    yield Stage("ruff", ("ruff", "check", "."), "lint")
    yield Stage("ruff format", ("ruff", "format", "--check", "."), "lint")
    yield Stage("ruff service", ("ruff", "check", "."), "lint", folder="service")
    yield Stage("ruff format service", ("ruff", "format", "--check", "."), "lint", folder="service")
    yield Stage("mypy", (CONTROLLER, "-m", "mypy", *TYPED), "lint")
    # A cache of its own, because two of mypy at once on one cache can end in an internal error.
    yield Stage("mypy modules", (CONTROLLER, "-m", "mypy", "--cache-dir=.mypy_cache/modules", *MODULES), "lint")
    yield Stage("mypy service", (SERVICE, "-m", "mypy"), "lint", folder="service")
    yield Stage("shellcheck", ("shellcheck", *shell_scripts()), "lint")
    yield Stage("yamllint", ("yamllint", "--strict", "."), "lint")
    # It parses every playbook against the inventory; the documented fleet needs no container engine to be listed.
    yield Stage(
        "ansible-lint", ("env", "ANSIBLE_INVENTORY=inventory/example", "ansible-lint", "--offline", "-q"), "lint"
    )
    yield Stage("roles and plugins", pytest(CONTROLLER, "tests/lint", "tests/plugins", "tests/scripts"), "fast")
    # Every form of the real models is served in `make test-forms`; the builds here have compared them all.
    yield Stage("service on Python 3.11", pytest(SERVICE, "-m", "not every_form"), "fast", folder="service")
    if (VENV / "service38" / ".complete").exists():
        # What no library of the set has a say in runs once, above; `make test-el8-stack` leaves out nothing.
        yield Stage("service on Python 3.8", pytest(SERVICE38, "-m", "not one_python"), "fast", folder="service")
    if os.geteuid() == 0:
        yield molecule(EMULATED, "all")
    for fault in sorted(path.stem for path in (ROOT / "tests" / "faults").glob("test_*.py")):
        yield Stage(f"faults {fault.removeprefix('test_')}", pytest(CONTROLLER, f"tests/faults/{fault}.py"), "all")
    for scenario in sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml")):
        if scenario not in (EMULATED, *LONG, *WITHIN):
            yield molecule(scenario, "all")
    yield Stage("fleet", pytest(CONTROLLER, "tests/fleet"), "all")
    yield Stage("fleet on hosts", pytest(CONTROLLER, "-s", "tests/fleet_hosts"), "fleet")
    yield Stage("watched hosts", pytest(CONTROLLER, "-s", "tests/watched_hosts"), "watched")
    yield Stage("monitors", pytest(CONTROLLER, "tests/monitors", "tests/scaling"), "all")
    yield Stage("end to end", pytest(CONTROLLER, "tests/e2e"), "all")
    yield Stage("drifts", pytest(CONTROLLER, "tests/verify"), "all")
    yield Stage("throwaway hosts", pytest(CONTROLLER, "tests/hosts"), "all")
    yield Stage("virtual machine", ("env", "HOTPATH_VM=1", *pytest(CONTROLLER, "tests/hosts/test_vm.py")), "vm")
    yield Stage("drifts and kills", pytest(CONTROLLER, "-s", "tests/vm"), "vm")
    for scenario in LONG:
        yield molecule(scenario, "vm")
    for scenario in WITHIN:
        yield molecule(scenario, "scenarios")


def turn(stage: Stage) -> int:
    """The place of a stage in the queue."""
    if stage.group == "lint":
        return 1
    return 2 * LONGEST.index(stage.name) if stage.name in LONGEST else 2 * len(LONGEST)


def molecule(scenario: str, group: str) -> Stage:
    command = ("molecule", "test", "--scenario-name", scenario)
    return Stage(f"molecule {scenario}", command, group, shown=MOLECULE_HEADLINES)


def pytest(python: str, *paths: str) -> tuple[str, ...]:
    return (python, "-m", "pytest", "--durations=5", *paths)


def shell_scripts() -> list[str]:
    """Every tracked file whose first line names a shell; a template is one only once it is rendered."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, text=True, capture_output=True, check=True).stdout.split()
    found = []
    for name in tracked:
        path = ROOT / name
        if path.is_file() and not path.is_symlink() and path.suffix != ".j2":
            with path.open("rb") as handle:
                if re.match(rb"#!.*\b(ba)?sh\b", handle.readline(100)):
                    found.append(name)
    return found


def run(stage: Stage, started: float) -> Outcome:
    """Run one stage; its output goes to its log and, as far as it is to be shown, to the terminal."""
    print(f"[{time.monotonic() - started:5.0f} s] {stage.name}: {' '.join(stage.command)}", flush=True)
    begun = time.monotonic()
    lines: list[str] = []
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "PY_COLORS": "0"}
    environment.pop("FORCE_COLOR", None)
    log = LOGS / f"{stage.name.replace(' ', '-')}.log"
    with log.open("w") as handle:
        process = subprocess.Popen(
            stage.command,
            cwd=ROOT / stage.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert process.stdout is not None
        for line in process.stdout:
            handle.write(line)
            lines.append(line)
            if line.strip() and stage.shown.search(line):
                print(f"{stage.name} | {line}", end="", flush=True)
    code = process.wait()
    if code != 0 and stage.shown is not EVERYTHING:
        print(f"--- the last lines of {log.relative_to(ROOT)} ---", *lines[-TAIL:], sep="\n", flush=True)
    closing = [line.rstrip() for line in lines if re.match(r"=+ .*(passed|failed|error).* in [\d.]+s", line)]
    seconds = time.monotonic() - begun
    print(f"[{time.monotonic() - started:5.0f} s] {stage.name}: exit code {code} after {seconds:.0f} s", flush=True)
    return Outcome(stage, code, seconds, closing[-1] if closing else "", complaints(lines) if code != 0 else [])


def complaints(lines: list[str]) -> list[str]:
    """The first parts of an output that say what failed, each on a line, shortened; its last line where none does."""
    output = "".join(lines).strip()
    found = [" ".join(filter(None, match.groups())) for match in COMPLAINT.finditer(output)] or output.splitlines()[-1:]
    return [" ".join(complaint.split())[:COMPLAINT_LENGTH] for complaint in found[:COMPLAINTS]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    groups = {"lint": {"lint"}, "fast": {"lint", "fast"}, "all": {"lint", "fast", "all"}}
    groups |= {group: {group} for group in ("vm", "scenarios", "fleet", "watched")}
    parser.add_argument("group", choices=list(groups), help="fast includes lint, all includes fast")
    parser.add_argument("--only", metavar="REGEX", help="only the stages whose name matches this")
    arguments = parser.parse_args()
    wanted = groups[arguments.group]
    chosen = sorted((s for s in stages() if s.group in wanted and re.search(arguments.only or "", s.name)), key=turn)
    if not chosen:
        parser.error(f"no stage matches {arguments.only!r}; there are: {', '.join(s.name for s in stages())}")
    LOGS.mkdir(parents=True, exist_ok=True)
    os.environ["PATH"] = f"{Path(CONTROLLER).parent}{os.pathsep}{os.environ['PATH']}"
    started = time.monotonic()
    # Ansible and systemd wait more than they compute: two lanes fill two cores.
    # A virtual machine computes, so it gets both.
    with ThreadPoolExecutor(max_workers=1 if arguments.group == "vm" else LANES) as lanes:
        outcomes = list(lanes.map(lambda stage: run(stage, started), chosen))

    table = Table(title=f"{arguments.group}: {time.monotonic() - started:.0f} s")
    for column in ("stage", "result", "seconds", "tests"):
        table.add_column(column, justify="right" if column == "seconds" else "left")
    for outcome in outcomes:
        result = "passed" if outcome.code == 0 else f"FAILED ({outcome.code})"
        table.add_row(outcome.stage.name, result, f"{outcome.seconds:.0f}", outcome.closing.strip("= "))
    if arguments.group != "lint" and not arguments.only and not (VENV / "service38" / ".complete").exists():
        table.add_row("service on Python 3.8", "SKIPPED", "0", "no Python 3.8 on this machine")
    if arguments.group == "all" and not arguments.only and os.geteuid() != 0:
        table.add_row(f"molecule {EMULATED}", "SKIPPED", "0", "virtual machines need root")
    Console(width=140).print(table)
    for outcome in outcomes:
        if outcome.closing:
            print(outcome.closing)
    failed = [outcome for outcome in outcomes if outcome.code != 0]
    for outcome in failed:
        print(f"{outcome.stage.name} FAILED ({outcome.code}):", *outcome.complaints, sep="\n  ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
