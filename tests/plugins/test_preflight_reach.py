"""Names of one machine, the way to it, and variables that may be another role's."""

from __future__ import annotations

from typing import Any

import pytest
from hotpath_preflight import inventory_problems
from support.surveys import judge

HOST = {"ansible_host": "192.0.2.11"}


def jump(name: str, **more: Any) -> dict[str, Any]:
    return {**HOST, "ansible_ssh_common_args": f"-o ProxyJump={name}", **more}


def same(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    """What is said of two names."""
    return [problem.found for problem in inventory_problems({"gpu_hosts": ["a", "b"]}, {"a": first, "b": second})]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (jump("bastion-1"), jump("bastion-2")),
        (jump("bastion-1"), HOST),
        ({**HOST, "ansible_ssh_common_args": "-J bastion-1"}, {**HOST, "ansible_ssh_extra_args": "-Jbastion-2"}),
        (
            {**HOST, "ansible_ssh_common_args": "-o 'ProxyCommand=ssh -W %h:%p -q b1'"},
            {**HOST, "ansible_ssh_common_args": '-o ProxyCommand="ssh -W %h:%p -q b2"'},
        ),
        ({**HOST, "ansible_ssh_common_args": "-F site-a.conf"}, {**HOST, "ansible_ssh_args": "-F site-b.conf"}),
        (HOST, {**HOST, "ansible_port": 2222}),
        (HOST, {**HOST, "ansible_ssh_common_args": "-p 2222"}),
        (HOST, {**HOST, "ansible_ssh_common_args": "-o HostName=192.0.2.12"}),
        (HOST, {**HOST, "ansible_connection": "local"}),
    ],
)
def test_two_ways_lead_to_two_machines(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert same(first, second) == []


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (HOST, HOST, "a, b have the same ansible_host 192.0.2.11"),
        (HOST, {**HOST, "ansible_port": "22"}, "the same ansible_host"),
        (HOST, {**HOST, "ansible_connection": "paramiko"}, "the same ansible_host"),
        (HOST, {**HOST, "ansible_user": "root", "ansible_ssh_common_args": "-o ServerAliveInterval=5"}, "the same"),
        (jump("bastion-1"), {**HOST, "ansible_ssh_common_args": "-J bastion-1 -v"}, "192.0.2.11 by bastion-1"),
        # ssh takes the first of an option that is given twice
        (jump("bastion-1"), {**HOST, "ansible_ssh_common_args": "-J bastion-1 -o proxyjump=bastion-2"}, "bastion-1"),
        ({"ansible_host": "GPU-A.example."}, {"ansible_host": "gpu-a.example"}, "gpu-a.example"),
        ({"ansible_host": "2001:db8::11"}, {"ansible_host": "[2001:0db8:0::11]"}, "2001:db8::11"),
        ({"ansible_connection": "local"}, {"ansible_connection": "local", **HOST}, "are the controller itself"),
    ],
)
def test_one_machine_by_two_names_is_an_error(first: dict[str, Any], second: dict[str, Any], words: str) -> None:
    (found,) = same(first, second)
    assert words in found


def test_the_controller_itself_is_not_rebooted_by_its_own_play() -> None:
    (problem,) = judge(ansible_connection="local")
    assert (problem.check, problem.severity) == ("connection", "error")
    assert "reboot_mode is auto" in problem.found and "reboot_mode: never" in problem.remedy
    (problem,) = judge(ansible_connection="local", reboot_mode="never")
    assert problem.severity == "note"


@pytest.mark.parametrize(
    "name",
    [
        *("firewall_allowed_tcp_ports", "firewall_state", "firewall_enabled_at_boot"),  # geerlingguy.firewall
        *("selinux_state", "selinux_fcontexts", "selinux_logins", "selinux_modules"),  # linux-system-roles
        *("nvidia_driver_branch", "nvidia_driver_package_version", "nvidia_driver_skip_reboot"),  # nvidia.nvidia_driver
        *("reboot_required", "stack_version"),
    ],
)
def test_what_another_role_may_read_is_a_warning(name: str) -> None:
    (problem,) = judge(None, **{name: 1})
    assert (problem.check, problem.severity) == ("variables", "warning")
    assert "if another role reads it" in problem.remedy


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("firewal_ports", "firewall_ports"),
        ("firewall_port", "firewall_ports"),
        ("selinux_mod", "selinux_mode"),
        ("selinux_polciy", "selinux_policy"),
        ("reboot_timeout", "reboot_timeout_s"),
        ("nvidia_driver_verison", "nvidia_driver_version"),
        ("nvidia_drvier_version", "nvidia_driver_version"),
        ("cuda_toolkit_version", "cuda_toolkit_versions"),
    ],
)
def test_a_name_of_ours_but_for_a_letter_stays_an_error(name: str, meant: str) -> None:
    (problem,) = [problem for problem in judge(None, **{name: "1"}) if problem.check == "variables"]
    assert problem.severity == "error" and f"Did you mean {meant}?" in problem.remedy


def guarded(state: str, *allowed: str) -> Any:
    return lambda survey: survey.update(fapolicyd={"state": state, "allowed": list(allowed)})


def test_fapolicyd_is_told_what_to_let_run() -> None:
    (problem,) = judge(guarded("enforcing"))
    assert (problem.check, problem.severity) == ("fapolicyd", "error")
    assert "allow perm=any all : dir=/opt/hotpath/" in problem.remedy
    (problem,) = judge(guarded("permissive", "/opt/hotpath/"))
    assert problem.severity == "warning" and "dir=/opt/" not in problem.remedy
    assert "dir=/usr/libexec/hotpath/" in problem.remedy
    assert judge(guarded("enforcing", "/opt/", "/usr/libexec/hotpath/")) == []
    assert judge(guarded("absent")) == []
