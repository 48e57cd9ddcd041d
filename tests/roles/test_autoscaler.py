"""The autoscaler runs with what its role wrote, confined, and can say its words to the balancers and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.checks import Checks
from support.expected import Expected
from testinfra.host import Host

UNIT = "hotpath-autoscaler.service"


@pytest.fixture
def role(host: Host, expected: Callable[[Host, str], Expected]) -> Expected:
    """The role's variables on this host."""
    return expected(host, "autoscaler")


def test_program_configuration_and_unit_are_as_rendered(check: Checks, role: Expected) -> None:
    if role["autoscaler_mode"] == "off":
        return
    check.files(role.written_files("install.yml"))
    known = role["__autoscaler_known_hosts"]  # what the balancers told when the play was there
    check.files(file for file in role.written_files() if file.path != known)


def test_it_runs_with_what_the_files_say(check: Checks, role: Expected) -> None:
    if role["autoscaler_mode"] == "off":
        state = check.answer("whether the autoscaler runs", "systemctl is-active %s || true", UNIT)
        check.equal("the autoscaler", expected=True, found=state in ("inactive", "unknown", "failed"))
        return
    check.in_effect("the autoscaler", [{"name": UNIT, "holds": [role["__autoscaler_check"]]}])
    user = check.answer("user of the autoscaler", "ps -o user:32= -p $(systemctl show --value -p MainPID %s)", UNIT)
    check.equal("user of the autoscaler", expected=role["__autoscaler_user"], found=user)


def test_its_key_is_for_itself_and_says_no_more_than_its_words(check: Checks, role: Expected) -> None:
    if role["autoscaler_mode"] == "off":
        return
    key = role["__autoscaler_key"]
    rights = check.answer(key, "stat -c '%%a %%U' %s", key)
    check.equal(f"mode and owner of {key}", expected=f"600 {role['__autoscaler_user']}", found=rights)
    for balancer, address in role["autoscaler_balancers"].items():
        words = " ".join(role["__autoscaler_ssh"])
        said = f"sudo -n -u {role['__autoscaler_user']} {words} {address}"
        check.succeeds(f"the word to {balancer}", f"{said} state")
        refused = check.answer(f"another word to {balancer}", f"{said} id 2>&1 || true")
        check.equal(f"{balancer} refuses another word", expected=True, found="is not understood here" in refused)
