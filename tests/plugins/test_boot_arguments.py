"""Boot arguments, token by token, through a stand-in for grubby that keeps one file of entries."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from boot_tokens import boot_argument_tokens, boot_arguments_missing, isolated_cpus
from support.python36 import run_module

# Test double of grubby: entries lie one a line as KERNEL<tab>ARGS in $GRUBBY_STATE; calls are logged beside it.
GRUBBY = r"""#!/usr/bin/env python3
import os, sys
state = os.environ["GRUBBY_STATE"]
with open(state + ".log", "a") as log:
    log.write(" ".join(sys.argv[1:]) + "\n")
entries = [line.rstrip("\n").split("\t") for line in open(state)]
options = dict(argument.lstrip("-").split("=", 1) for argument in sys.argv[1:])
chosen = options.get("update-kernel")
if "info" in options:
    for index, (kernel, args) in enumerate(entries):
        print(f'index={index}\nkernel="{kernel}"\nargs="{args}"\nroot="/dev/sda1"')
elif os.environ.get("GRUBBY_DEAF") is None:
    gone = set(options.get("remove-args", "").split())
    with open(state, "w") as stream:
        for kernel, args in entries:
            if chosen in ("ALL", kernel):
                kept = [arg for arg in args.split() if arg.split("=")[0] not in gone]
                args = " ".join(kept + options.get("args", "").split())
            stream.write(kernel + "\t" + args + "\n")
"""
# Test double of grub2-editenv: FILE set tuned_params=...
EDITENV = r"""#!/bin/sh
[ "$2" = set ] && sed -i "s|^tuned_params=.*|$3|" "$1"
"""


class Host:
    """A boot configuration and the record of the last run."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state, self.record = root / "entries", root / "boot-arguments"
        self.grubenv, self.command_line = root / "grubenv", root / "cmdline"
        self.command_line.write_text("")
        (root / "bin").mkdir()
        for name, text in (("grubby", GRUBBY), ("grub2-editenv", EDITENV)):
            (root / "bin" / name).write_text(text)
            (root / "bin" / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{root / 'bin'}:{os.environ['PATH']}")
        monkeypatch.setenv("GRUBBY_STATE", str(self.state))

    def entries(self, *arguments: str) -> None:
        self.state.write_text("".join(f"/boot/vmlinuz-{number}\t{args}\n" for number, args in enumerate(arguments)))

    def arguments(self) -> list[str]:
        return [line.split("\t")[1] for line in self.state.read_text().splitlines()]

    def calls(self) -> list[str]:
        return Path(f"{self.state}.log").read_text().splitlines()

    def run(self, *wanted: str, check: bool = False) -> dict[str, Any]:
        """The module alone, as in a play that is killed right after it."""
        request = {"wanted": list(wanted), "record": str(self.record)}
        request.update(grubenv=str(self.grubenv), command_line=str(self.command_line))
        return run_module("boot_arguments", request, check_mode=check)

    def converge(self, *wanted: str) -> dict[str, Any]:
        """The module and the record that the role writes after it."""
        answer = self.run(*wanted)
        self.record.write_text(" ".join(wanted) + "\n")
        return answer


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def test_arguments_are_compared_by_token(host: Host) -> None:
    host.entries("ro isolcpus=1 quiet")
    assert host.run("isolcpus=1,3")["changed"] is True
    assert host.arguments() == ["ro quiet isolcpus=1,3"]
    assert host.run("isolcpus=1,3")["changed"] is False


def test_every_entry_is_looked_at(host: Host) -> None:
    host.entries("ro nohz_full=2", "ro")
    assert host.run("nohz_full=2")["changed"] is True
    assert host.arguments() == ["ro nohz_full=2", "ro nohz_full=2"]


def test_check_mode_only_reads_and_tells_the_difference(host: Host) -> None:
    host.entries("ro")
    answer = host.run("isolcpus=2", check=True)
    assert answer["changed"] is True
    assert answer["diff"]["after"] == "/boot/vmlinuz-0: ro isolcpus=2\n"
    assert host.arguments() == ["ro"]
    assert host.calls() == ["--info=ALL"]


def test_what_an_earlier_run_wanted_goes_and_foreign_arguments_stay(host: Host) -> None:
    host.entries("ro isolcpus=2 skew_tick=1 mitigations=off")
    host.record.write_text("isolcpus=2 skew_tick=1\n")
    answer = host.run("skew_tick=1")
    assert answer["removed"] == ["isolcpus"]
    assert host.arguments() == ["ro mitigations=off skew_tick=1"]


def test_what_an_argument_was_before_comes_back_when_nobody_wants_it(host: Host) -> None:
    host.entries("ro isolcpus=1 console=tty0 quiet")
    host.converge("isolcpus=2,14", "nohz_full=2,14")
    host.converge("isolcpus=3,15")
    assert host.arguments() == ["ro console=tty0 quiet isolcpus=3,15"]
    assert host.converge()["changed"] is True
    assert host.arguments() == ["ro console=tty0 quiet isolcpus=1"]
    assert host.converge()["changed"] is False


def test_an_argument_that_was_there_already_stays_when_it_is_given_back(host: Host) -> None:
    host.entries("ro skew_tick=1")
    assert host.converge("skew_tick=1")["changed"] is False
    host.converge()
    assert host.arguments() == ["ro skew_tick=1"]


def test_each_kernel_gets_its_own_arguments_back_and_a_later_one_those_of_the_others(host: Host) -> None:
    host.entries("ro nosmt", "ro isolcpus=4")
    host.converge("isolcpus=2")
    host.entries(*host.arguments(), "ro isolcpus=2")
    host.converge()
    assert host.arguments() == ["ro nosmt", "ro isolcpus=4", "ro"]


def test_a_run_that_was_killed_before_its_record_forgets_nothing(host: Host) -> None:
    host.entries("ro isolcpus=1")
    host.run("isolcpus=2")
    assert host.converge("isolcpus=2")["changed"] is False
    host.run()
    host.converge()
    assert host.arguments() == ["ro isolcpus=1"]


def test_a_wanted_argument_is_taken_from_tuned_and_the_others_are_left_to_it(host: Host) -> None:
    host.entries("ro $tuned_params")
    host.grubenv.write_text("kernelopts=ro\ntuned_params=isolcpus=9 intel_pstate=disable\n")
    assert host.run("isolcpus=2", check=True)["changed"] is True
    assert "isolcpus=9" in host.grubenv.read_text()
    host.converge("isolcpus=2")
    assert host.grubenv.read_text() == "kernelopts=ro\ntuned_params=intel_pstate=disable\n"
    assert host.converge("isolcpus=2")["changed"] is False


def test_what_the_running_kernel_lacks_or_still_has_waits_for_a_reboot(host: Host) -> None:
    host.entries("ro")
    host.command_line.write_text("BOOT_IMAGE=/vmlinuz ro isolcpus=1 nohz_full=1\n")
    host.record.write_text("nohz_full=1\n")
    assert host.run("isolcpus=1,3", "quiet")["pending"] == ["nohz_full", "isolcpus", "quiet"]
    host.command_line.write_text("ro isolcpus=1,3 quiet\n")
    assert host.run("isolcpus=1,3", "quiet")["pending"] == []


def test_nothing_wanted_and_nothing_recorded_changes_nothing(host: Host) -> None:
    host.entries("ro quiet")
    assert host.run()["changed"] is False


def test_a_key_wanted_twice_is_refused(host: Host) -> None:
    host.entries("ro")
    answer = host.run("hugepages=1", "hugepages=2")
    assert answer["failed"] and "hugepages is wanted twice" in answer["msg"]


def test_a_change_that_did_not_take_is_an_error(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.entries("ro")
    monkeypatch.setenv("GRUBBY_DEAF", "1")
    answer = host.run("isolcpus=2")
    assert answer["failed"] and "/boot/vmlinuz-0 lacks some of: isolcpus=2" in answer["msg"]


def test_a_host_without_grubby_is_told_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if subprocess.run(["which", "grubby"], capture_output=True).returncode == 0:
        pytest.skip("this machine has a grubby of its own")
    answer = run_module("boot_arguments", {"wanted": ["a=1"], "record": str(tmp_path / "none")})
    assert answer["failed"] and "Install the package grubby" in answer["msg"]


def test_tokens_keep_their_order_and_leave_empty_ones_out() -> None:
    arguments = {"hugepagesz": "1G", "hugepages": 4, "quiet": True, "isolcpus": "", "skew_tick": None, "nosmt": False}
    assert boot_argument_tokens(arguments) == ["hugepagesz=1G", "hugepages=4", "quiet"]


@pytest.mark.parametrize("arguments", [{"a=b": True}, {"": "x"}, {"dyndbg": "file x +p"}, {"x": 'a"b'}])
def test_what_grubby_would_mangle_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(AnsibleFilterError):
        boot_argument_tokens(arguments)


def test_missing_tokens_are_whole_tokens() -> None:
    assert boot_arguments_missing("isolcpus=1 quiet\n", "ro isolcpus=1,3 quiet") == ["isolcpus=1"]


def test_a_token_beside_another_value_of_its_key_is_missing() -> None:
    assert boot_arguments_missing("isolcpus=1 quiet", "isolcpus=1 quiet isolcpus=3") == ["isolcpus=1"]


def test_flags_of_isolcpus_are_no_cpus() -> None:
    assert isolated_cpus("ro isolcpus=managed_irq,domain,2,3,14 quiet") == "2-3,14"
    assert isolated_cpus("ro quiet") == ""
