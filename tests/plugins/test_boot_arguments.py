"""Boot arguments, token by token, through a stand-in for grubby that keeps one file of entries."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from boot_tokens import boot_argument_tokens, boot_arguments_dropped, boot_arguments_missing, isolated_cpus
from support.python36 import ROOT, run_module

# Test double of grubby: entries lie one a line as KERNEL<tab>ARGS in $GRUBBY_STATE; calls are logged beside it. Like
# EL8's, a shell script that splits at white space, it takes a kernel, an index or ALL, and knows no quotes.
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
        if options["info"] == "ALL" or index == int(os.environ.get("GRUBBY_DEFAULT", "0")):
            print(f'index={index}\nkernel="{kernel}"\nargs="{args}"\nroot="/dev/sda1"\nid="loader-{index}"')
elif os.environ.get("GRUBBY_DEAF") is None:
    gone = set(options.get("remove-args", "").split())
    with open(state, "w") as stream:
        for index, (kernel, args) in enumerate(entries):
            if chosen in ("ALL", kernel, str(index)):
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
    assert host.calls() == ["--info=ALL", "--info=DEFAULT"]


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


def test_entries_of_one_kernel_are_told_apart(host: Host) -> None:
    kernel = "/boot/vmlinuz-4.18.0"
    host.state.write_text(f"{kernel}\tro root1 quiet\n{kernel}\tro snapshot nohz_full=9 isolcpus=2\n")
    answer = host.converge("isolcpus=2", "nohz_full=2")
    assert answer["changed"] is True
    assert f"{kernel} (loader-1, entry 1): ro snapshot isolcpus=2 nohz_full=2" in answer["diff"]["after"]
    assert host.arguments() == ["ro root1 quiet isolcpus=2 nohz_full=2", "ro snapshot isolcpus=2 nohz_full=2"]
    host.converge()
    assert host.arguments() == ["ro root1 quiet", "ro snapshot isolcpus=2 nohz_full=9"]


def test_the_entry_that_boots_next_says_whether_a_reboot_is_due(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.entries("ro", "ro isolcpus=4")
    host.converge("isolcpus=2")
    host.command_line.write_text("ro isolcpus=4\n")
    monkeypatch.setenv("GRUBBY_DEFAULT", "1")
    assert host.converge()["pending"] == []


def test_a_kernel_to_come_gets_what_the_default_entry_gets(host: Host) -> None:
    host.entries("ro", "ro isolcpus=4")
    host.converge("isolcpus=2")
    host.converge()
    assert [call for call in host.calls() if call.startswith("--update")][1:] == [
        "--update-kernel=ALL --remove-args=isolcpus",
        "--update-kernel=1 --remove-args=isolcpus --args=isolcpus=4",
    ]


def test_what_shall_not_stand_there_goes_and_comes_back(host: Host) -> None:
    host.entries("ro selinux=0 modprobe.blacklist=ast")
    host.grubenv.write_text("tuned_params=selinux=0 skew_tick=1\n")
    host.command_line.write_text("ro selinux=0 modprobe.blacklist=ast\n")
    answer = host.converge("!selinux", "!modprobe.blacklist")
    assert (answer["changed"], answer["pending"]) == (True, ["selinux", "modprobe.blacklist"])
    assert (host.arguments(), host.grubenv.read_text()) == (["ro"], "tuned_params=skew_tick=1\n")
    assert boot_arguments_missing("!selinux", "ro selinux=0") == ["!selinux"]
    assert boot_arguments_missing("!selinux", "ro") == []
    host.converge("modprobe.blacklist=nouveau")
    assert host.arguments() == ["ro selinux=0 modprobe.blacklist=ast,nouveau"]


def test_the_remedy_against_selinux_off_takes_it_from_the_boot_line(host: Host) -> None:
    host.entries("ro selinux=0 enforcing=0 quiet")
    for tasks in ("after_reboot.yml", "verify.yml"):
        said = re.search(r"boot_arguments_extra: (\{.*?\})", (ROOT / "roles/selinux/tasks" / tasks).read_text())
        assert said is not None
        extra = yaml.safe_load(said[1])
        host.converge(*boot_argument_tokens(extra), *boot_arguments_dropped(extra))
        assert host.arguments() == ["ro quiet"]


QUOTED = """ro dyndbg="file drivers/usb/* +p" systemd.setenv=NOTE=it's quiet"""


def test_quotes_and_apostrophes_of_others_are_left_alone(host: Host) -> None:
    host.entries(QUOTED)
    # GRUB moves the quotes on the way to the kernel.
    host.command_line.write_text(QUOTED.replace('dyndbg="file', '"dyndbg=file') + " isolcpus=2\n")
    answer = host.converge("isolcpus=2")
    assert (answer["changed"], answer["pending"]) == (True, [])
    assert host.arguments() == [f"{QUOTED} isolcpus=2"]
    assert boot_arguments_missing("isolcpus=2 quiet", host.command_line.read_text()) == []


def test_what_grubby_would_tear_apart_is_refused_before_anything_is_changed(host: Host) -> None:
    host.entries('ro dyndbg="file a.c quiet +p"')
    answer = host.run("quiet")
    assert answer["failed"] and "/boot/vmlinuz-0 holds dyndbg=" in answer["msg"] and "by hand" in answer["msg"]
    assert not host.record.exists() and not any(call.startswith("--update") for call in host.calls())


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


WRITTEN: list[tuple[dict[str, Any], list[str]]] = [
    ({"nmi_watchdog": 0, "intel_idle.max_cstate": 0, "x": "0"}, ["nmi_watchdog=0", "intel_idle.max_cstate=0", "x=0"]),
    (
        {"mitigations": "off", "intel_iommu": "on", "a": "no", "b": "true"},
        ["mitigations=off", "intel_iommu=on", "a=no", "b=true"],
    ),
    ({"quiet": None, "skew_tick": "", "nosmt": "force"}, ["quiet", "nosmt=force"]),
    ({"console": ["tty0", "ttyS0,115200n8"]}, ["console=tty0", "console=ttyS0,115200n8"]),
    ({"modprobe.blacklist": ["ast", "mgag200"]}, ["modprobe.blacklist=ast,mgag200"]),
    ({"hugepages": 4, "quiet": None, "hugepagesz": "1G"}, ["hugepagesz=1G", "hugepages=4", "quiet"]),
    (
        {"hugepages": [4, 512], "hugepagesz": ["1G", "2M"]},
        ["hugepagesz=1G", "hugepages=4", "hugepagesz=2M", "hugepages=512"],
    ),
    ({"hugepages": 512}, ["hugepages=512"]),
    ({"earlycon": ["a", "b"], "memmap": "2G!6G"}, ["earlycon=a", "earlycon=b", "memmap=2G!6G"]),
]


@pytest.mark.parametrize(("arguments", "tokens"), WRITTEN)
def test_what_is_written_is_what_is_meant(arguments: dict[str, Any], tokens: list[str]) -> None:
    assert boot_argument_tokens(arguments) == tokens


PLAN = {"isolcpus": "2-5", "nohz_full": "", "hugepagesz": "1G", "hugepages": 4, "modprobe.blacklist": "nouveau"}
OVER: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["isolcpus=2-5", "hugepagesz=1G", "hugepages=4", "modprobe.blacklist=nouveau"]),
    ({"isolcpus": "", "hugepages": ""}, ["modprobe.blacklist=nouveau"]),
    (
        {"hugepages": 8, "modprobe.blacklist": "ast"},
        ["isolcpus=2-5", "hugepagesz=1G", "hugepages=8", "modprobe.blacklist=nouveau,ast"],
    ),
    ({"isolcpus": 0, "hugepagesz": "", "modprobe.blacklist": ""}, ["isolcpus=0"]),
]


@pytest.mark.parametrize(("arguments", "tokens"), OVER)
def test_what_is_written_wins_over_the_plan_and_lists_hold_both(arguments: dict[str, Any], tokens: list[str]) -> None:
    assert boot_argument_tokens(arguments, PLAN) == tokens
    assert boot_arguments_dropped(arguments) == [f"!{key}" for key, value in arguments.items() if value == ""]


UNWRITABLE: list[tuple[dict[str, Any], str]] = [
    ({"intel_iommu": True}, '"on", "yes", "true" or "1"'),
    ({"mitigations": False}, '"off", "no", "false" or "0"'),
    ({"console": ["tty0", True]}, "boolean of YAML"),
    ({"console": None}, "console has no value"),
    ({"a=b": "x"}, "no name of a boot argument"),
    ({"": "x"}, "no name of a boot argument"),
    ({"console": []}, 'write console: ""'),
    ({"console": ["tty0", ""]}, "Take it out of the list"),
    ({"log": 1.1}, "Put it in quotes"),
    ({"log": {"a": 1}}, "is no word"),
    ({"log": [["a"]]}, "is no word"),
    ({"log": [None]}, "is no word"),
    ({"hugepages": [4, 512]}, "hugepagesz= before it"),
    ({"hugepages": [4, 512], "hugepagesz": "1G"}, "as many of one"),
    ({"dyndbg": "file x +p"}, "/etc/modprobe.d"),
    *(({"x": f"a{character}b"}, "grubby or GRUB") for character in "\"'\\`$&;|<>"),
]


@pytest.mark.parametrize(("arguments", "words"), UNWRITABLE)
def test_what_cannot_be_taken_at_its_word_is_refused_with_the_way_out(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=re.escape(words)):
        boot_argument_tokens(arguments)


def test_missing_tokens_are_whole_tokens() -> None:
    assert boot_arguments_missing("isolcpus=1 quiet\n", "ro isolcpus=1,3 quiet") == ["isolcpus=1"]


def test_a_token_beside_another_value_of_its_key_is_missing() -> None:
    assert boot_arguments_missing("isolcpus=1 quiet", "isolcpus=1 quiet isolcpus=3") == ["isolcpus=1"]


def test_a_list_on_the_command_line_may_hold_more() -> None:
    wanted = "modprobe.blacklist=nouveau console=ttyS0"
    assert boot_arguments_missing(wanted, "modprobe.blacklist=ast,nouveau console=tty0 console=ttyS0") == []
    assert boot_arguments_missing(wanted, "modprobe.blacklist=ast console=tty0") == wanted.split()


def test_flags_of_isolcpus_are_no_cpus() -> None:
    assert isolated_cpus("ro isolcpus=managed_irq,domain,2,3,14 quiet") == "2-3,14"
    assert isolated_cpus("ro quiet") == ""
