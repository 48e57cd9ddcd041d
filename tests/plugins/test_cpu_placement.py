"""What runs is compared with what the files say, under the host's Python 3.6; tuned's answers are a stand-in's."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from support.machines import write
from support.python36 import ROOT, interpreter

PROGRAM = ROOT / "roles/cpu_affinity/files/cpu-placement.py"
# Test double of tuned behind busctl: its answers are files.
BUSCTL = """#!/bin/sh
for method; do :; done
cat "$TUNED_SAYS/$method"
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host whose tuned, irqbalance and systemd run by their files."""
    write(tmp_path / "bin/busctl", BUSCTL)
    (tmp_path / "bin/busctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("TUNED_SAYS", str(tmp_path))
    write(tmp_path / "active_profile", 's "hotpath"')
    write(tmp_path / "verify_profile", "b true")
    write(tmp_path / "etc/tuned/hotpath/tuned.conf", "[main]\ninclude=cpu-partitioning")
    write(tmp_path / "etc/tuned/cpu-partitioning-variables.conf", "isolated_cores=6")
    ask(tmp_path, "--remember")
    settings = "# BANNED=no\nIRQBALANCE_BANNED_CPUS=f0\nIRQBALANCE_BANNED_CPULIST=4-7"
    write(tmp_path / "etc/sysconfig/irqbalance", settings)
    daemon(tmp_path, 77, "irqbalance", "PATH=/bin\0IRQBALANCE_BANNED_CPUS=f0\0IRQBALANCE_BANNED_CPULIST=4-7\0")
    write(tmp_path / "etc/systemd/system.conf.d/hotpath.conf", "[Manager]\nCPUAffinity=0 1 2 3")
    write(tmp_path / "proc/1/status", "Name:\tsystemd\nCpus_allowed:\t0f\nCpus_allowed_list:\t0-3\nMems_allowed:\t1")
    return tmp_path


def daemon(root: Path, number: int, name: str, environment: str = "", age_s: int = 3600) -> None:
    """A process that runs; the machine has been up for two hours."""
    started = int((7200 - age_s) * os.sysconf("SC_CLK_TCK"))
    write(root / "proc/uptime", "7200.00 57000.00")
    write(root / f"proc/{number}/comm", name)
    write(root / f"proc/{number}/environ", environment)
    write(root / f"proc/{number}/stat", f"{number} ({name}) S {' '.join(['0'] * 18)} {started} 0")


def ask(root: Path, subject: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [interpreter(), str(PROGRAM), subject, f"--root={root}"], capture_output=True, text=True, timeout=30
    )


@pytest.mark.parametrize("subject", ["tuned", "irqbalance", "systemd"])
def test_what_runs_by_its_files_is_no_objection(root: Path, subject: str) -> None:
    result = ask(root, subject)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("answer", ['s ""', 's "powersave"', ""])
def test_another_profile_or_none_is_named(root: Path, answer: str) -> None:
    write(root / "active_profile", answer)
    result = ask(root, "tuned")
    assert result.returncode == 1 and "instead of hotpath" in result.stderr


@pytest.mark.parametrize("name", ["hotpath/tuned.conf", "cpu-partitioning-variables.conf"])
def test_a_profile_that_tuned_has_not_loaded_is_named_though_it_verifies_the_old_one(root: Path, name: str) -> None:
    write(root / "etc/tuned" / name, "isolated_cores=5")
    result = ask(root, "tuned")
    assert (result.returncode, result.stderr) == (1, "tuned has loaded another profile than the files hold\n")
    ask(root, "--remember")
    assert ask(root, "tuned").returncode == 0


def test_a_tuned_that_was_started_without_the_record_is_named(root: Path) -> None:
    (root / "run/hotpath/tuned-profile").unlink()
    assert ask(root, "tuned").returncode == 1


def test_a_setting_that_somebody_changed_is_what_tuned_says(root: Path) -> None:
    write(root / "verify_profile", "b false")
    daemon(root, 88, "tuned")
    result = ask(root, "tuned")
    assert result.returncode == 1 and "/var/log/tuned/tuned.log" in result.stderr


def test_a_tuned_that_has_just_started_is_given_time(root: Path) -> None:
    write(root / "active_profile", 's ""')
    daemon(root, 88, "tuned", age_s=2)
    program = [interpreter(), str(PROGRAM), "tuned", f"--root={root}"]
    with subprocess.Popen(program, stderr=subprocess.PIPE, text=True) as asking:
        with pytest.raises(subprocess.TimeoutExpired):
            asking.wait(timeout=1.5)
        write(root / "active_profile", 's "hotpath"')
        assert asking.wait(timeout=30) == 0


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ("IRQBALANCE_BANNED_CPUS=f0\0IRQBALANCE_BANNED_CPULIST=4-5\0", "IRQBALANCE_BANNED_CPULIST=4-5 instead of"),
        ("PATH=/bin\0", "IRQBALANCE_BANNED_CPULIST= instead of IRQBALANCE_BANNED_CPULIST=4-7"),
    ],
)
def test_an_irqbalance_that_was_started_before_its_settings_is_named(root: Path, environment: str, found: str) -> None:
    daemon(root, 77, "irqbalance", environment)
    result = ask(root, "irqbalance")
    assert result.returncode == 1 and found in result.stderr


@pytest.mark.parametrize("cpus", ["0-7", "0-2", "0-2,4"])
def test_a_systemd_with_other_cpus_is_named(root: Path, cpus: str) -> None:
    write(root / "proc/1/status", f"Cpus_allowed_list:\t{cpus}")
    result = ask(root, "systemd")
    assert result.returncode == 1
    assert result.stderr == f"systemd starts services on the CPUs {cpus} instead of 0 1 2 3\n"


def test_a_subject_must_be_named(root: Path) -> None:
    result = subprocess.run([interpreter(), str(PROGRAM)], capture_output=True, text=True)
    assert result.returncode == 2 and "name a subject" in result.stderr
