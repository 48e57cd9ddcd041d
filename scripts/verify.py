#!/usr/bin/env python3
"""Compare the hosts of an inventory with what their roles make of them, and name every drift. Changes nothing.

Exit code 0: all is as it should be; 1: something drifted; 2: not everything could be looked at (a host is unreachable
or was never provisioned, no host matches, a suite failed). The same as JSON lies in .cache/verify.json.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from support.expected import Inventory  # noqa: E402, I001 -- names ansible.cfg, so it comes before Ansible
from ansible.errors import AnsibleError  # noqa: E402
from support.report import Collector, Report  # noqa: E402

SUITES = ROOT / "tests" / "roles"
# By group, the roles whose suites look at its hosts; the inference hosts have all others. Monitored is everything, once
# there is a monitor.
BY_GROUP = {
    "balancers": {"load_balancer", "floating_address", "el8_repositories", "trimmed_services", "firewall"},
    "monitored": {"node_metrics"},
    "monitors": {"prometheus", "autoscaler", "grafana"},
}
ON_GPU_HOSTS_TOO = {"el8_repositories", "trimmed_services", "firewall"}
MONITORED = ("gpu_hosts", "balancers", "monitors")
OUTPUT = ROOT / ".cache" / "verify.json"
WIDTH = 150


class CannotStart(Exception):
    """There is nothing to look at; the message says why and what to do."""


@dataclass(frozen=True)
class Look:
    """What was asked for."""

    inventories: list[str]
    parts: list[tuple[list[str], list[Path]]]  # hosts of a group, and the suites of its roles

    @property
    def hosts(self) -> list[str]:
        """All of them."""
        return list(dict.fromkeys(host for hosts, _ in self.parts for host in hosts))


def prepare(inventories: list[str], limit: str | None, roles: str | None) -> Look:
    """Resolve the command line, before any host is asked."""
    inventory = " -i ".join(inventories)
    # A path is the caller's; anything else ("host1,") is Ansible's to understand.
    sources = [str(Path(one).resolve()) if Path(one).exists() else one for one in inventories]
    for one in sources:
        if not Path(one).exists() and ("," not in one or len(sources) > 1):
            raise CannotStart(f"there is no inventory {one}: name a file or folder with -i")
    known = {path.stem.removeprefix("test_"): path for path in sorted(SUITES.glob("test_*.py"))}
    chosen = roles.split(",") if roles else list(known)
    unknown = [role for role in chosen if role not in known]
    if unknown:
        raise CannotStart(f"no suite for {', '.join(unknown)}; there are: {', '.join(known)}")
    parts = []
    others = set().union(*BY_GROUP.values()) - ON_GPU_HOSTS_TOO
    by_group = {"gpu_hosts": set(known) - others, **BY_GROUP}
    for group, roles_of in by_group.items():
        suites = [known[role] for role in chosen if role in roles_of]
        try:
            hosts = hosts_of(Inventory(*sources), group, limit)
        except AnsibleError as error:
            raise CannotStart(f"the inventory {inventory} cannot be read: {error}") from error
        if hosts and suites:
            parts.append((hosts, suites))
    if not parts:
        named = [group for group, roles_of in by_group.items() if roles_of & set(chosen)]
        groups = " or ".join(group for group in named if group != "monitored" or len(named) == 1)
        wanted = f"of the group {groups} matches --limit {limit}" if limit else f"is in the group {groups}"
        raise CannotStart(
            f"no host {wanted} in {inventory}: `ansible-inventory -i {inventory} --graph` shows its groups"
        )
    return Look(sources, parts)


def hosts_of(inventory: Inventory, group: str, limit: str | None) -> list[str]:
    """Names of a group's hosts, as far as they match `limit`."""
    if group != "monitored":
        return inventory.hosts(group, limit)
    if not inventory.hosts("monitors"):
        return []
    return list(dict.fromkeys(host for group in MONITORED for host in inventory.hosts(group, limit)))


def run(look: Look, started: float) -> Report:
    """Run the suites in this process; progress goes to standard error."""
    report = Report(look.hosts, checked=dict.fromkeys(look.hosts, 0))

    # pytest captures what is written while a test runs; progress has a way of its own.
    terminal = os.dup(sys.stderr.fileno())

    def progress(host: str, role: str) -> None:
        os.write(terminal, f"[{time.monotonic() - started:5.0f} s] {host}: {role}\n".encode())

    for hosts, suites in look.parts:
        options = [
            *map(str, suites),
            f"--rootdir={ROOT}",
            f"--config-file={ROOT / 'pyproject.toml'}",
            # Without pytest's own report, which is about tests and not about hosts.
            "--override-ini=addopts=--import-mode=importlib --strict-markers",
            "-pno:terminal",
            "-pno:cacheprovider",
            f"--hosts={','.join(f'ansible://{host}' for host in hosts)}",
        ]
        if len(look.inventories) == 1:
            options.append(f"--ansible-inventory={look.inventories[0]}")
        else:  # testinfra's option takes one
            os.environ["ANSIBLE_INVENTORY"] = ",".join(look.inventories)
        with redirect_stdout(sys.stderr):
            code = pytest.main(options, plugins=[Collector(report, progress)])
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and not report.unknown:
            for host in hosts:
                report.miss(host, "", f"pytest stopped with exit code {int(code)}; its words are above")
    return report


def show(report: Report, console: Console) -> None:
    """A line for each drift and each thing that could not be looked at, then a line for each host."""
    if report.drifts:
        table = Table(title="Drifts", title_justify="left")
        for column in ("host", "role", "what was checked", "expected", "found"):
            table.add_column(column, overflow="fold")
        for drift in report.drifts:
            table.add_row(*map(Text, (drift.host, drift.role, drift.what, drift.expected, drift.found)))
        console.print(table)
    for unknown in report.unknown:
        place = f"{unknown.host}, {unknown.role}" if unknown.role else unknown.host
        console.print(f"{place}: could not tell: {unknown.reason}", markup=False, highlight=False)
    for host in report.hosts:
        tail = ", not everything could be looked at" if report.could_not_tell(host) else ""
        line = f"{host}: checked {report.checked[host]}, drifted {report.drifted(host)}{tail}"
        console.print(line, markup=False, highlight=False)


def as_json(report: Report, look: Look, seconds: float) -> dict[str, Any]:
    """What the table says, for programs."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "inventory": ",".join(look.inventories),
        "exit_code": report.exit_code,
        "hosts": [
            {"host": host, "checked": report.checked[host], "drifted": report.drifted(host)} for host in report.hosts
        ],
        "drifts": [asdict(drift) for drift in report.drifts],
        "could_not_tell": [asdict(unknown) for unknown in report.unknown],
    }


def as_metrics(report: Report, now: float) -> str:
    """The same for Prometheus: drifts by host and role, what could not be looked at, and the time, by the epoch."""
    counted = Counter((drift.host, drift.role) for drift in report.drifts)
    lines = []
    for host in report.hosts:
        roles = sorted({role for named, role in counted if named == host})
        lines += [f'hotpath_drifts{{host="{host}",role="{role}"}} {counted[host, role]}' for role in roles]
        if not roles:
            lines.append(f'hotpath_drifts{{host="{host}",role=""}} 0')
        unknown = sum(missed.host == host for missed in report.unknown)
        lines.append(f'hotpath_verify_unknown{{host="{host}"}} {unknown}')
        lines.append(f'hotpath_verified_time_seconds{{host="{host}"}} {now:.0f}')
    return "".join(f"{line}\n" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "-i", "--inventory", action="append", help="may be given several times (default: the throwaway hosts)"
    )
    parser.add_argument("--limit", metavar="HOSTS", help="only these, a pattern as in ansible-playbook --limit")
    parser.add_argument(
        "--roles", metavar="ROLE,...", help="only what these roles do (default: every role with a suite)"
    )
    parser.add_argument("--json", metavar="FILE", default=str(OUTPUT), help="default: .cache/verify.json; - for stdout")
    parser.add_argument("--metrics", metavar="FILE", help="also write them for Prometheus's node exporter")
    arguments = parser.parse_args()
    to_stdout = arguments.json == "-"
    started = time.monotonic()
    try:
        look = prepare(arguments.inventory or [str(ROOT / "inventory" / "demo")], arguments.limit, arguments.roles)
    except CannotStart as stopped:
        print(f"verify: {stopped}", file=sys.stderr)
        return 2
    report = run(look, started)
    answer = json.dumps(as_json(report, look, time.monotonic() - started), indent=2)
    if arguments.metrics:
        Path(arguments.metrics).write_text(as_metrics(report, time.time()))
    console = Console(stderr=to_stdout)
    show(report, console if console.is_terminal else Console(stderr=to_stdout, width=WIDTH))
    if to_stdout:
        print(answer)
    else:
        path = Path(arguments.json)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(answer + "\n")
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
