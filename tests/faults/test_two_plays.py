"""Two plays on one host: the second waits or stops, names the first, and a killed play is in nobody's way."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from support.throwaway import PROJECT, Throwaway, play_command, throwaway

PLAYBOOK = "playbooks/provision.yml"
HELD = "! flock --nonblock /run/hotpath/play.lock true"
PATIENCE_S = 600
ONE_TASK = ("--tags", "host_plan_configure")


@pytest.fixture(scope="module")
def host() -> Iterator[Throwaway]:
    with throwaway("two-plays") as made:
        yield made


@pytest.fixture
def output(tmp_path: Path) -> Iterator[IO[str]]:
    with (tmp_path / "output").open("w+") as stream:
        yield stream


def said(output: IO[str]) -> str:
    return Path(output.name).read_text()


@contextmanager
def begun(host: Throwaway, output: IO[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A play that holds the host's lock; it is killed if it still runs at the end."""
    process = subprocess.Popen(
        play_command(PLAYBOOK),
        cwd=PROJECT,
        env={**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "HOTPATH_DEMO_HOSTS": host.name},
        stdin=subprocess.DEVNULL,
        stdout=output,  # a pipe that nobody reads would stop the play
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while host.run(f"test -e /run/hotpath/play.lock && {HELD}").returncode != 0:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.2)
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_the_second_stops_and_names_the_first_which_goes_on(host: Throwaway, output: IO[str]) -> None:
    with begun(host, output) as first:
        second = host.play(PLAYBOOK, play_lock_wait_s=1)
        foretold = host.play(PLAYBOOK, "--check", "--tags", "play_lock")
        first.wait()
    assert second.code == 2
    assert f"{host.name} is being changed by ansible-playbook provision.yml of " in second.words, second.output
    assert f"(process {first.pid}, since " in second.words and "waiting 1 s did not see its end" in second.words
    assert "Run this play again afterwards" in second.words and "kill " in second.words
    # Nothing was done besides asking.
    assert " changed=0 " in second.words and "TASK [host_plan" not in second.output
    assert foretold.code == 0 and "what is foretold may not hold" in foretold.words, foretold.output
    assert first.returncode == 0, said(output)


def test_the_second_waits_and_finds_everything_done(host: Throwaway, output: IO[str]) -> None:
    with begun(host, output) as first:
        second = host.play(PLAYBOOK, *ONE_TASK, play_lock_wait_s=PATIENCE_S)
        first.wait()
    assert first.returncode == 0, said(output)
    assert second.code == 0 and " changed=0 " in second.words, second.output
    assert f"{host.name}: waiting up to {PATIENCE_S} s for ansible-playbook provision.yml of " in second.words


def test_a_killed_play_is_in_nobodys_way(host: Throwaway, output: IO[str]) -> None:
    with begun(host, output) as first:
        os.kill(first.pid, signal.SIGKILL)  # the process alone, as the kernel does when memory is short
        begun_at = time.monotonic()
        second = host.play(PLAYBOOK, *ONE_TASK, play_lock_wait_s=PATIENCE_S)
        first.wait()
    assert second.code == 0, second.output
    assert time.monotonic() - begun_at < PATIENCE_S


def test_a_play_that_ended_holds_nothing(host: Throwaway) -> None:
    done = host.play(PLAYBOOK, *ONE_TASK)
    assert done.code == 0, done.output
    released = f"timeout 5 sh -c 'while {HELD}; do sleep 0.2; done'; pgrep --count --full hotpath-play"
    assert host.run(released).stdout.strip() == "0"
