"""A virtual machine is its own process and nobody else's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from throwaway import fleet
from throwaway.vm_qemu import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path, tmp_path / "console.log", "tcg")


def sleeper(*arguments: str) -> subprocess.Popen[bytes]:
    """A process with these words on its command line, which the kernel shows only once the program runs."""
    program = "import time; print('running', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline()
    return process


@pytest.mark.parametrize("content", ["", "no number\n", "999999999\n"])
def test_a_pid_file_without_a_process_means_stopped(machine: Machine, content: str) -> None:
    machine.pid_file.write_text(content)
    assert machine.pid() is None
    machine.stop()


def test_a_number_that_now_is_anothers_process_is_left_alone(machine: Machine) -> None:
    with sleeper("another") as another:
        machine.pid_file.write_text(f"{another.pid}\n")
        assert machine.pid() is None
        machine.stop()
        assert another.poll() is None
        another.kill()


def test_the_process_that_has_the_disk_is_ended(machine: Machine) -> None:
    with sleeper(f"if=none,id=disk,file={machine.disk},cache=unsafe") as own:
        machine.pid_file.write_text(f"{own.pid}\n")
        assert machine.pid() == own.pid
        machine.stop()
        assert machine.pid() is None


def test_the_name_says_which_host_is_a_virtual_machine() -> None:
    assert [name for name in ("vm", "vm-1", "gpu-1", "vmware", "my-vm") if fleet.is_vm(name)] == ["vm", "vm-1"]
