"""A throwaway host of a test's own, and plays against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
HOSTS = PROJECT / "scripts" / "hosts.py"


@dataclass(frozen=True)
class Play:
    """What ansible-playbook said."""

    code: int
    output: str

    @property
    def words(self) -> str:
        """The output with runs of white space as one blank, because messages are folded where they fall."""
        return " ".join(self.output.split())


@dataclass(frozen=True)
class Throwaway:
    """One running host."""

    name: str

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """A shell command on the host."""
        return _hosts("ssh", self.name, command)

    def feed(self, command: str, source: list[str]) -> int:
        """A shell command on the host that reads what a command here writes; its exit code."""
        with subprocess.Popen(source, stdout=subprocess.PIPE) as writer:
            return subprocess.run([*self.shell, command], stdin=writer.stdout, check=False).returncode

    @property
    def shell(self) -> list[str]:
        """The command that runs what follows it in a shell on the host."""
        return [sys.executable, str(HOSTS), "ssh", self.name]

    def container(self) -> dict[str, Any]:
        """What the engine says of the host's container."""
        listed = json.loads(_hosts("list", "--json").stdout)
        name = next(found["container"] for found in listed if found["name"] == self.name)
        asked = subprocess.run(["podman", "inspect", name], capture_output=True, text=True, check=True)
        described: dict[str, Any] = json.loads(asked.stdout)[0]
        return described

    def address(self) -> str:
        """Its IPv4 address in the network of the containers."""
        (network,) = self.container()["NetworkSettings"]["Networks"].values()
        return str(network["IPAddress"])

    def in_mounts(self, *command: str) -> None:
        """Run a command in the mount namespace of the host's container, which may not mount by itself."""
        pid = str(self.container()["State"]["Pid"])
        subprocess.run(["nsenter", "--target", pid, "--mount", "--pid", *command], check=True)

    def play(self, playbook: str, *options: str, **variables: Any) -> Play:
        """Run a playbook of the project on this host alone."""
        return play(playbook, *options, environment={"HOTPATH_DEMO_HOSTS": self.name}, **variables)


@contextmanager
def throwaway(name: str) -> Iterator[Throwaway]:
    """A fresh host, removed afterwards."""
    with several(name):
        yield Throwaway(name)


@contextmanager
def several(*names: str, keep: bool = False) -> Iterator[None]:
    """Fresh hosts, removed afterwards; to keep them is to take those that there are, and to leave them."""
    if not keep:
        _hosts("down", *names)
    up = _hosts("up", *names)
    # The cause stands first: of a failure's message the summary of a whole run shows the first line alone.
    *before, cause = up.stderr.strip().splitlines() or [""]
    assert up.returncode == 0, "\n".join([cause, *before, up.stdout])
    try:
        yield
    finally:
        if not keep:
            _hosts("down", *names)


def play(playbook: str, *options: str, environment: dict[str, str] | None = None, **variables: Any) -> Play:
    """Run a playbook with extra variables; the inventory is ansible.cfg's unless an option names one."""
    done = subprocess.run(
        play_command(playbook, *options, **variables),
        cwd=PROJECT,
        # molecule asks for colours, which would stand between the words.
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
            "ANSIBLE_FORCE_COLOR": "0",
            **(environment or {}),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Play(done.returncode, done.stdout)


def play_command(playbook: str, *options: str, **variables: Any) -> list[str]:
    """The command line of a play of one playbook, or of several with blanks between."""
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    return [program, *playbook.split(), "-e", json.dumps(variables), *options]


def _hosts(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(HOSTS), *arguments], capture_output=True, text=True)
