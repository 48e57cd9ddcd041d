"""A machine tells Prometheus how it is, on one address."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.checks import Checks, WrittenFile
from support.expected import Expected
from testinfra.host import Host


@pytest.fixture
def role(host: Host, expected: Callable[[Host, str], Expected]) -> Expected:
    """The role's variables on this host."""
    return expected(host, "node_metrics")


def test_readers_and_units_are_as_rendered(check: Checks, role: Expected) -> None:
    check.files(
        WrittenFile(file["path"], file["content"], file.get("mode", "0644")) for file in role["__node_metrics_files"]
    )


def test_they_run(check: Checks, role: Expected) -> None:
    check.in_effect("the metrics of the machine", role["__node_metrics_in_effect"])


def test_metrics_are_served_and_the_readings_are_fresh(check: Checks, role: Expected) -> None:
    place = role["__node_metrics_place"]
    told = check.answer("metrics", "curl --silent --fail http://%s/metrics", place)
    names = {line.partition("{")[0].split()[0] for line in told.splitlines() if not line.startswith("#")}
    wanted = [
        "node_time_seconds",
        "node_timex_sync_status",
        "node_filesystem_avail_bytes",
        "node_memory_MemAvailable_bytes",
    ]
    check.contains("metrics", expected=[*wanted, "node_textfile_mtime_seconds"], found=names)
    old = check.answer("readings", "find %s -name host.prom -mmin +2", role["__node_metrics_folder"])
    check.equal("readings of the host that are older than two minutes", expected="", found=old)


def test_the_node_exporter_listens_on_one_address(check: Checks, role: Expected) -> None:
    user = check.answer("number of the node exporter's user", "id -u %s", role["__node_metrics_user"])
    listening = check.answer("listeners", "ss --listening --tcp --numeric --no-header --extended").splitlines()
    places = [line.split()[3] for line in listening if f"uid:{user}" in line.split()]
    check.equal("places it listens on", expected=1, found=len(places))
    check.lacks("what it listens on", unwanted=["0.0.0.0", "*", "[::]"], found=[p.rpartition(":")[0] for p in places])
