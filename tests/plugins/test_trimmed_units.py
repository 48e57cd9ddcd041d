"""Units are switched off only when nobody uses them; systemd is a stand-in here, real in molecule/tuning."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from support.machines import write
from support.python36 import run_module

# Test double of systemctl: rpcbind runs, cups is off, everything else does not exist. Calls that change are logged.
SYSTEMCTL = """#!/bin/sh
case "$*" in
*rpc-statd.service*)
  printf "Id=rpc-statd.service\\nLoadState=loaded\\nUnitFileState=static\\nActiveState=$STATD\\nControlGroup=\\n" ;;
show*)
  printf 'Id=rpcbind.service\\nLoadState=loaded\\nUnitFileState=enabled\\nActiveState=active\\n'
  printf 'ControlGroup=/system.slice/rpcbind.service\\nRequiredBy=rpc-statd.service\\n\\n'
  printf 'Id=cups.service\\nLoadState=loaded\\nUnitFileState=disabled\\nActiveState=inactive\\nControlGroup=\\n\\n'
  printf 'Id=ghost.service\\nLoadState=not-found\\nUnitFileState=\\nActiveState=inactive\\nControlGroup=\\n' ;;
*) echo "$@" >> "$SYSTEMCTL_LOG" ;;
esac
"""
RPCBIND = {"name": "rpcbind", "units": ["rpcbind.service"], "mounts": ["nfs"], "reason": "only NFS needs it"}
OTHERS = [{"name": "cups", "units": ["cups.service"]}, {"name": "ghost", "units": ["ghost.service"]}]
TCP_HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin/systemctl"
    write(program, SYSTEMCTL)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("SYSTEMCTL_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("STATD", "inactive")
    write(tmp_path / "proc/mounts", "/dev/sda1 / xfs rw 0 0")
    write(tmp_path / "proc/net/tcp", TCP_HEADER)
    write(tmp_path / "sys/fs/cgroup/system.slice/rpcbind.service/cgroup.procs", "42")
    (tmp_path / "proc/42/fd").mkdir(parents=True)
    (tmp_path / "proc/42/fd/5").symlink_to("socket:[777]")
    return tmp_path


def connection(root: Path, state: str) -> None:
    row = f"   0: 0100007F:006F 0200007F:C000 {state} 00000000:00000000 00:00000000 00000000 0 0 777 1"
    write(root / "proc/net/tcp", f"{TCP_HEADER}\n{row}")


def run(root: Path, **arguments: Any) -> dict[str, Any]:
    check_mode = arguments.pop("check_mode", False)
    request = {"services": [RPCBIND, *OTHERS], "root": str(root), **arguments}
    return run_module("trimmed_units", request, check_mode=check_mode)


def test_what_runs_unused_is_switched_off_and_the_rest_is_left_alone(root: Path) -> None:
    answer = run(root)
    assert (answer["changed"], answer["trimmed"], answer["in_use"]) == (True, ["rpcbind.service"], {})
    assert answer["reasons"] == {"rpcbind": "only NFS needs it"}
    assert (root / "log").read_text() == "disable --now rpcbind.service\n"


def test_check_mode_switches_nothing(root: Path) -> None:
    assert run(root, check_mode=True)["trimmed"] == ["rpcbind.service"]
    assert not (root / "log").exists()


def test_a_connected_service_stays_and_the_reason_is_told(root: Path) -> None:
    connection(root, state="01")
    answer = run(root)
    assert answer["changed"] is False
    assert answer["in_use"] == {"rpcbind": "process 42 of rpcbind.service holds a network connection"}
    assert not (root / "log").exists()


def test_a_listening_socket_alone_is_no_use(root: Path) -> None:
    connection(root, state="0A")
    assert run(root)["trimmed"] == ["rpcbind.service"]


def test_a_mounted_file_system_keeps_its_service(root: Path) -> None:
    write(root / "proc/mounts", "server:/x /mnt nfs rw 0 0")
    assert run(root)["in_use"] == {"rpcbind": "a file system of type nfs is mounted"}


def test_a_device_keeps_its_service(root: Path) -> None:
    write(root / "sys/class/iscsi_session/session1/state", "LOGGED_IN")
    needed = [{**RPCBIND, "paths": ["/sys/class/iscsi_session/session*"]}]
    assert run(root, services=needed)["in_use"] == {"rpcbind": "there is /sys/class/iscsi_session/session1"}
    gone = [{**RPCBIND, "paths": ["/sys/class/bluetooth/hci*"]}]
    assert run(root, services=gone)["trimmed"] == ["rpcbind.service"]


def test_a_running_unit_keeps_what_it_requires(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATD", "active")
    assert run(root)["in_use"] == {"rpcbind": "rpc-statd.service requires it"}


def test_kept_services_stay(root: Path) -> None:
    assert run(root, keep=["rpcbind"])["changed"] is False


def test_an_unknown_name_in_keep_is_an_error_that_lists_the_known(root: Path) -> None:
    answer = run(root, keep=["rpcbnd"])
    assert answer["failed"] and answer["msg"].startswith("rpcbnd shall be kept")
    assert "rpcbind, cups, ghost" in answer["msg"]
