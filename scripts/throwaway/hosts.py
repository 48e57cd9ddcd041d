"""Make, find and remove throwaway hosts."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import Any

from .cache import PROJECT, Failure, lock, run, say
from .engine import containers, limit_options, runtime_options
from .image import ensure_image, real_base
from .mirror import ensure_mirror
from .ssh import KEY, ensure_ssh_key

# Two checkouts on one machine never meet: names carry a hash of the checkout's path.
PREFIX = f"hotpath-{hashlib.sha1(str(PROJECT).encode()).hexdigest()[:8]}-"
SERVICE_PORT = 8000
FIRST_PORT = 18080
BOOT_SECONDS = 60


@dataclass(frozen=True)
class Host:
    """One throwaway host as the engine knows it."""

    name: str
    container: str
    running: bool
    image: str
    port: int | None  # on 127.0.0.1, leads to the service

    @property
    def url(self) -> str | None:
        """Where the service is reached from this machine, if it is."""
        return f"http://127.0.0.1:{self.port}" if self.port else None

    @classmethod
    def of(cls, listed: dict[str, Any]) -> Host:
        """Read what `podman ps` says."""
        container = listed["Names"][0]
        ports = [port["host_port"] for port in listed["Ports"] or [] if port["container_port"] == SERVICE_PORT]
        return cls(
            name=container.removeprefix(PREFIX),
            container=container,
            running=listed["State"] == "running",
            image=listed["Image"],
            port=ports[0] if ports else None,
        )


def hosts() -> dict[str, Host]:
    """Every throwaway host of this checkout by name."""
    return {host.name: host for host in map(Host.of, containers(PREFIX))}


def up(names: list[str]) -> list[Host]:
    """Bring the named hosts up; one that already runs on the present image is left alone."""
    with lock("hosts"):
        ensure_ssh_key()
        image = ensure_image()
        found = hosts()
        started = []
        for name in names:
            host = found.get(name)
            if host and host.running and host.image == image:
                continue
            if host:
                say(f"Replacing {name}: " + ("its image is outdated" if host.running else "it does not run"))
                remove([host])
                del found[name]
            _start(name, image, {host.port for host in found.values() if host.port})
            found = hosts()
            started.append(name)
        for name in started:
            _wait_until_booted(PREFIX + name)
            say(f"{name} is up")
    return [found[name] for name in names]


def down(names: list[str]) -> list[Host]:
    """Remove the named hosts, all of this checkout when none is named; return what was removed."""
    with lock("hosts"):
        doomed = [host for host in hosts().values() if not names or host.name in names]
        remove(doomed)
    return doomed


def remove(doomed: list[Host]) -> None:
    """Remove containers at once: nothing on a throwaway host is worth an orderly end."""
    if doomed:
        run(["podman", *runtime_options(), "rm", "--force", "--time", "0", *[host.container for host in doomed]])


def _start(name: str, image: str, taken: set[int]) -> None:
    port = _free_port(taken)
    # A look-alike installs from its mirror. It keeps the image's empty resolv.conf, because a name server that does not
    # answer would stall each lookup for seconds. A real image needs the public repositories.
    offline = [] if real_base() else ["--dns", "none", "--volume", f"{ensure_mirror()}:/srv/mirror:ro"]
    run(
        ["podman", *runtime_options(), "run", "--detach", "--name", PREFIX + name, "--hostname", name,
         "--systemd=always", *limit_options(), "--pids-limit", "4096", "--shm-size", "1g",
         "--publish", f"127.0.0.1:{port}:{SERVICE_PORT}",
         "--volume", f"{KEY}.pub:/root/.ssh/authorized_keys:ro", *offline, image]
    )  # fmt: skip


def _wait_until_booted(container: str) -> None:
    deadline = time.monotonic() + BOOT_SECONDS
    state = ""
    while time.monotonic() < deadline:
        command = ["podman", *runtime_options(), "exec", container, "systemctl", "is-system-running", "--wait"]
        state = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        if state == "running":
            return
        if state == "degraded":
            failed = run(
                ["podman", *runtime_options(), "exec", container, "systemctl", "--failed", "--plain", "--no-legend"]
            )
            raise Failure(f"{container} booted with failed units:\n{failed}See: podman exec {container} journalctl -b")
        time.sleep(0.2)
    raise Failure(
        f"{container} did not boot within {BOOT_SECONDS} s (systemd says {state or 'nothing'}): podman logs {container}"
    )


def _free_port(taken: set[int]) -> int:
    """The first free port on 127.0.0.1 from HOTPATH_PORT on; `taken` ones belong to our stopped or starting hosts."""
    wanted = int(os.environ.get("HOTPATH_PORT", FIRST_PORT))
    for port in range(wanted, wanted + 100):
        if port in taken:
            continue
        if is_free(port):
            return port
        say(f"Port {port} on 127.0.0.1 is taken; trying the next one (HOTPATH_PORT chooses where to begin)")
    raise Failure(f"No free port on 127.0.0.1 from {wanted} to {wanted + 99}: set HOTPATH_PORT to another range")


def is_free(port: int) -> bool:
    """Whether nothing on 127.0.0.1 has this port: no listener, and no rule that forwards it elsewhere.

    A container that ended without its engine, as in a power cut, leaves such a rule. The port can be bound then, but
    nobody who connects to it arrives.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    with socket.socket() as caller:
        caller.settimeout(1)
        return caller.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
