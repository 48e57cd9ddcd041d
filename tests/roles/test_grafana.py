"""A monitor that was given Grafana runs it with the set of its role, and shows the dashboards to who has a password."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from support.checks import Checks, WrittenFile
from support.expected import Expected
from testinfra.host import Host

UNIT = "hotpath-grafana.service"


@pytest.fixture
def role(host: Host, expected: Callable[[Host, str], Expected]) -> Expected:
    """The role's variables on this host, where it has Grafana at all."""
    found = expected(host, "grafana")
    if not found["grafana_archive"]:
        pytest.skip("this monitor was given no Grafana")
    return found


def asked(check: Checks, role: Expected, place: str) -> Any:
    """What Grafana tells admin; the password is read on the host, so that no command line of this machine shows it."""
    command = 'curl --silent --fail --user "admin:$(cat %s)" http://%s%s'
    return json.loads(check.answer(place, command, role["__grafana_password"], role["grafana_listen"], place))


def test_the_set_is_as_rendered_and_holds_nothing_else(check: Checks, role: Expected) -> None:
    check.files(WrittenFile(file["path"], file["content"], "0644") for file in role["__grafana_files"])
    found = check.answer("files of all sets", "find %s/ -mindepth 2 -type f", role["__grafana_root"])
    wanted = sorted(file["path"] for file in role["__grafana_files"])
    check.equal("files of all sets", expected=wanted, found=sorted(found.split()))


def test_the_password_is_for_grafana_alone(check: Checks, role: Expected) -> None:
    path = role["__grafana_password"]
    rights = check.answer(path, "stat -c '%%a %%U %%G' %s", path)
    check.equal(f"mode and owner of {path}", expected=f"640 root {role['__grafana_user']}", found=rights)


def test_it_runs_with_the_set(check: Checks, role: Expected) -> None:
    text = str(role.template(f"{{{{ lookup('ansible.builtin.template', '{UNIT}.j2') }}}}"))
    check.files([WrittenFile(role["__grafana_unit"], text, "0644")])
    check.in_effect("Grafana", role["__grafana_in_effect"])


def test_it_listens_where_it_should_and_nowhere_else(check: Checks, role: Expected) -> None:
    user = check.answer("number of Grafana's user", "id -u %s", role["__grafana_user"])
    listening = check.answer("listeners", "ss --listening --tcp --numeric --no-header --extended").splitlines()
    places = [line.split()[3] for line in listening if f"uid:{user}" in line.split()]
    check.equal("what Grafana listens on", expected=[role["grafana_listen"]], found=places)


def test_it_shows_every_dashboard_and_no_other_of_ours(check: Checks, role: Expected) -> None:
    shown = {one["uid"] for one in asked(check, role, "/api/search?type=dash-db&tag=hotpath")}
    check.equal("dashboards", expected=sorted(role["__grafana_uids"]), found=sorted(shown))
    for path in map(Path, role["__grafana_dashboards"]):
        wanted = json.loads(path.read_text())
        found = asked(check, role, f"/api/dashboards/uid/{wanted['uid']}")["dashboard"]
        titles = [[panel["title"] for panel in one["panels"]] for one in (wanted, found)]
        check.equal(f"panels of {PurePosixPath(path).name}", expected=titles[0], found=titles[1])


def test_its_data_source_is_the_monitors_prometheus(check: Checks, role: Expected) -> None:
    found = [[one["uid"], one["url"], one["isDefault"]] for one in asked(check, role, "/api/datasources")]
    check.contains(
        "data sources",
        expected=[json.dumps(["hotpath-prometheus", role["grafana_prometheus"], True])],
        found=[json.dumps(one) for one in found],
    )


def test_strangers_see_what_was_asked_for(check: Checks, role: Expected) -> None:
    command = "curl --silent --output /dev/null --write-out '%%{http_code}' http://%s/api/search"
    told = check.answer("what a stranger is told", command, role["grafana_listen"])
    check.equal("what a stranger is told", expected="200" if role["grafana_anonymous"] else "401", found=told)
