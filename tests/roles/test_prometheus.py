"""A monitor runs Prometheus and Alertmanager with the set that its role judged, and shows them to nobody else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

import pytest
from support.checks import Checks, WrittenFile
from support.expected import Expected
from testinfra.host import Host

UNITS = ("hotpath-prometheus.service", "hotpath-alertmanager.service")


@pytest.fixture
def role(host: Host, expected: Callable[[Host, str], Expected]) -> Expected:
    """The role's variables on this host."""
    return expected(host, "prometheus")


def test_the_set_is_as_rendered_and_holds_nothing_else(check: Checks, role: Expected) -> None:
    check.files(WrittenFile(file["path"], file["content"], "0644") for file in role["__prometheus_files"])
    wanted = {PurePosixPath(file["path"]).name for file in role["__prometheus_files"]} | {"alertmanager.yml"}
    found = check.answer("files of the set", "find %s/ -type f -printf '%%f\\n'", role["__prometheus_current"])
    check.equal("files of the set", expected=sorted(wanted), found=sorted(found.split()))


def test_what_holds_secrets_is_for_the_programs_alone(check: Checks, role: Expected) -> None:
    for path in (f"{role['__prometheus_folder']}/alertmanager.yml", f"{role['__prometheus_root']}/metrics.key"):
        rights = check.answer(path, "stat -c '%%a %%U %%G' %s", path)
        check.equal(f"mode and owner of {path}", expected=f"640 root {role['__prometheus_user']}", found=rights)


def test_units_are_as_rendered(check: Checks, role: Expected) -> None:
    for unit in UNITS:
        text = role.template(f"{{{{ lookup('ansible.builtin.template', '{unit}.j2') }}}}")
        check.files([WrittenFile(f"/etc/systemd/system/{unit}", str(text), "0644")])


def test_both_run_with_the_set(check: Checks, role: Expected) -> None:
    check.in_effect("Prometheus and Alertmanager", role["__prometheus_in_effect"])
    check.succeeds(
        "the configuration",
        "%s/promtool check config %s",
        role["__prometheus_bin"],
        f"{role['__prometheus_folder']}/prometheus.yml",
    )


def test_they_listen_where_they_should_and_nowhere_else(check: Checks, role: Expected) -> None:
    user = check.answer("number of the monitor's user", "id -u %s", role["__prometheus_user"])
    listening = check.answer("listeners", "ss --listening --tcp --numeric --no-header --extended").splitlines()
    places = {line.split()[3] for line in listening if f"uid:{user}" in line.split()}
    wanted = [role["prometheus_listen"], role["prometheus_alertmanager_listen"]]
    check.equal("what the monitor listens on", expected=sorted(wanted), found=sorted(places))


def test_alerts_get_through(check: Checks, role: Expected) -> None:
    told = check.answer(
        "alerts", "curl --silent --fail http://%s/api/v2/alerts", role["prometheus_alertmanager_listen"]
    )
    check.equal("the alert that always fires", expected=True, found='"Watchdog"' in told)
