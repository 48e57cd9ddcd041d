"""systemd_directives: what a manager's own listing says, whatever its version claims."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.python36 import run_module
from systemd_directives import MANAGERS, parse

# As EL8's 239 prints it: with backported NUMAPolicy and without OOMPolicy; some directives stand there twice.
EL8 = """[Unit]
Description=STRING

[Service]
ExecStart=PATH [ARGUMENT [...]]
CPUAffinity=CPUAFFINITY
NUMAPolicy=OTHER
ExecStartPre=PATH [ARGUMENT [...]]
CPUAffinity=CPUAFFINITY

[Socket]
ListenStream=SOCKET [...]
"""


def test_sections_are_kept_apart() -> None:
    known = parse(EL8)
    assert known["Service"] == ["ExecStart", "CPUAffinity", "NUMAPolicy", "ExecStartPre"]
    assert known["Socket"] == ["ListenStream"]
    assert "OOMPolicy" not in known["Service"]


def test_nothing_is_known_from_nothing() -> None:
    assert parse("") == {}


def test_this_machines_systemd_answers_on_the_hosts_python() -> None:
    if not any(Path(path).exists() for path in MANAGERS):
        pytest.skip("this machine has no systemd to ask")
    answer = run_module("systemd_directives", {"sections": ["Service"]}, check_mode=True)
    assert answer["changed"] is False
    assert {"ExecStart", "CPUAffinity", "NoNewPrivileges"} <= set(answer["directives"]["Service"])
    refused = run_module("systemd_directives", {"sections": ["Servce"]})
    assert refused["failed"] and "names no section Servce" in refused["msg"]
