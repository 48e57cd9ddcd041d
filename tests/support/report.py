"""Pytest plugin of scripts/verify.py: what the suites of tests/roles compared on each host, and what they could not."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.checks import Comparison, Drifted
from testinfra.host import Host

# What a host has where a role ran, whatever else drifted there, and what to run where it did not.
TRACES = {
    "inference_service": ("/opt/hotpath", "playbooks/deploy.yml"),
    "load_balancer": ("/opt/hotpath/haproxy", "playbooks/balance.yml"),
    "node_metrics": ("/opt/hotpath/node_exporter", "playbooks/monitor.yml"),
    "prometheus": ("/opt/hotpath/prometheus", "playbooks/monitor.yml"),
}
TRACE = ("/etc/hotpath", "playbooks/provision.yml")


class CannotTell(Exception):
    """Nothing of a role, or of the whole host (""), can be compared; the reason says what to do."""

    def __init__(self, reason: str, role: str) -> None:
        super().__init__(reason)
        self.role = role


@dataclass(frozen=True)
class Drift:
    """One difference between a host and what a role makes of it."""

    host: str
    role: str
    what: str
    expected: str
    found: str


@dataclass(frozen=True)
class Unknown:
    """Something that could not be looked at."""

    host: str
    role: str
    reason: str


@dataclass
class Report:
    """What one look at the hosts gave."""

    hosts: list[str]
    checked: dict[str, int] = field(default_factory=dict)
    drifts: list[Drift] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0: clean, 1: something drifted, 2: not everything could be looked at."""
        return 2 if self.unknown else 1 if self.drifts else 0

    def drifted(self, host: str) -> int:
        return sum(drift.host == host for drift in self.drifts)

    def could_not_tell(self, host: str) -> bool:
        return any(unknown.host == host for unknown in self.unknown)

    def note(self, host: str, role: str, comparisons: list[Comparison]) -> None:
        """Keep what a test compared; suites may look at the same thing from two sides."""
        self.checked[host] = self.checked.get(host, 0) + len(comparisons)
        for one in comparisons:
            drift = Drift(host, role, one.what, one.expected, one.found)
            if one.drifted and drift not in self.drifts:
                self.drifts.append(drift)

    def miss(self, host: str, role: str, reason: str) -> None:
        """Keep once why something could not be looked at."""
        unknown = Unknown(host, role, reason)
        if unknown not in self.unknown:
            self.unknown.append(unknown)


class Collector:
    """Fills a report; `progress` is told of each host and role when it comes to it."""

    def __init__(self, report: Report, progress: Callable[[str, str], None]) -> None:
        self._report = report
        self._progress = progress
        self._at = ("", "")
        self._silent: dict[str, str] = {}
        self._traces: dict[tuple[str, str], bool] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Host by host, so that what is found of the first is shown while the others are waiting."""
        items.sort(key=lambda item: self._report.hosts.index(_place(item)[0]))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A suite that cannot be read."""
        if report.failed:
            last = str(report.longrepr).strip().splitlines()[-1]
            for host in self._report.hosts:
                self._report.miss(host, report.nodeid, f"the suite cannot be read: {last}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Ask first whether the host answers and the role ever ran there: it would be all drifts otherwise."""
        host, role = _place(item)
        if self._at != (host, role):
            self._at = (host, role)
            self._progress(host, role)
        hindrance = self._hindrance(item, host, role)
        if hindrance:
            raise hindrance

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        host, role = _place(item)
        if report.when == "call" or report.failed:
            comparisons = [one for name, made in item.user_properties if name == "comparisons" for one in made]  # type: ignore[attr-defined]
            self._report.note(host, role, comparisons)
        if report.failed and call.excinfo is not None:
            self._judge(host, role, item, call.excinfo)
        return report

    def _judge(self, host: str, role: str, item: pytest.Item, raised: pytest.ExceptionInfo[BaseException]) -> None:
        error = raised.value
        if isinstance(error, CannotTell):
            self._report.miss(host, error.role, str(error))
        elif type(error) is AssertionError and Path(raised.traceback[-1].path) == item.path:
            # Assertions elsewhere are testinfra's own, about a connection that broke for instance.
            said = str(error).strip().splitlines() or ["the assertion does not hold"]
            self._report.note(host, role, [Comparison(_title(item), "as the suite asserts", said[0], True)])
        elif not isinstance(error, Drifted):
            said = str(error).strip().splitlines() or [""]
            self._report.miss(host, role, f"{_title(item)}: {type(error).__name__}: {said[-1][:300]}")

    def _hindrance(self, item: pytest.Item, host: str, role: str) -> CannotTell | None:
        """Asked once a host, because a host that does not answer keeps everyone waiting."""
        machine: Host = _parameters(item)["_testinfra_host"]
        if host not in self._silent:
            self._silent[host] = _unreachable(machine)
        if self._silent[host]:
            return CannotTell(self._silent[host], "")
        trace, playbook = TRACES.get(role, TRACE)
        if (host, trace) not in self._traces:
            self._traces[host, trace] = machine.file(trace).exists
        if self._traces[host, trace]:
            return None
        return CannotTell(f"there is no {trace}: run {playbook} on it first", role if role in TRACES else "")


def _unreachable(host: Host) -> str:
    """Why the host does not answer, "" when it does."""
    try:
        done = host.run("true")
    except RuntimeError as error:  # testinfra's word for ssh's exit code 255
        (said,) = error.args
        lines = str(getattr(said, "stderr", said)).strip().splitlines() or ["ssh ended without a word"]
        return f"unreachable: {lines[-1]}"
    return "" if done.rc == 0 else f"commands fail on it: {(done.stderr or done.stdout).strip() or done.rc}"


def _parameters(item: pytest.Item) -> dict[str, Any]:
    parameters: dict[str, Any] = item.callspec.params  # type: ignore[attr-defined]
    return parameters


def _place(item: pytest.Item) -> tuple[str, str]:
    """Host and role of a test."""
    return _parameters(item)["_testinfra_host"].backend.get_hostname(), item.path.stem.removeprefix("test_")


def _title(item: pytest.Item) -> str:
    return item.name.partition("[")[0].removeprefix("test_").replace("_", " ")
