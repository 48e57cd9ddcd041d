"""The way into a virtual machine: no port on this machine, ssh talks through the namespace that QEMU lives in."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from .cache import Failure
from .ssh import KEY, proxy_options
from .vm_qemu import ADDRESS, Machine

TRY_SECONDS = 20
START_SECONDS = 5  # until QEMU has written the number of its process


def ssh_arguments(pid_file: Path) -> list[str]:
    """Options with which ssh reaches a machine; the shell that ssh gives the command to reads the process's number."""
    proxy = f"nsenter --net --target $(cat {pid_file}) nc {ADDRESS} 22"
    # A machine that reboots may take its network down before it says goodbye; the connection must end nevertheless.
    return [*proxy_options(proxy), "-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=6"]


def ask(machine: Machine, command: str, patience: float = TRY_SECONDS) -> subprocess.CompletedProcess[str]:
    """Run one command in a machine; ssh's own failures have status 255."""
    words = ["ssh", "-n", "-i", str(KEY), "-o", "BatchMode=yes", *ssh_arguments(machine.pid_file), "root@vm", command]
    try:
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=patience)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, 255, "", f"no answer within {patience:.0f} s")


def wait_for(machine: Machine, command: str, limit: float) -> str:
    """Repeat a command until ssh gets through and return its output; Failure when it fails or the time is over."""
    started = time.monotonic()
    while True:
        done = ask(machine, command)
        if done.returncode == 0:
            return done.stdout
        if done.returncode != 255:
            raise Failure(f"`{command}` failed in the virtual machine ({done.returncode}): {done.stderr.strip()}")
        waited = time.monotonic() - started
        if machine.pid() is None and waited > START_SECONDS:
            raise Failure(f"QEMU does not run. The console: {machine.console}")
        if waited > limit:
            reason = done.stderr.strip()
            raise Failure(f"ssh got no answer within {limit:.0f} s ({reason}). The console: {machine.console}")
        time.sleep(0.2)


def wait_until_booted(machine: Machine, limit: float) -> None:
    """Wait until systemd has started everything; Failure names the units that did not start."""
    deadline = time.monotonic() + limit
    state = ""
    while state not in ("running", "degraded"):
        state = wait_for(machine, "systemctl is-system-running || true", deadline - time.monotonic()).strip()
        time.sleep(0.5)
    if state == "degraded":
        failed = ask(machine, "systemctl --failed --plain --no-legend").stdout.strip()
        raise Failure(f"The virtual machine booted with failed units: {failed}. The console: {machine.console}")
