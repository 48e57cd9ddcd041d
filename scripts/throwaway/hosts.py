"""Make, find and remove throwaway hosts."""

from __future__ import annotations

import hashlib
import subprocess
import time
from dataclasses import dataclass
from typing import Any

from .cache import PROJECT, Failure, lock, run, say
from .engine import containers, limit_options, runtime_options
from .grafana import ensure_archive
from .image import ensure_image, real_base
from .mirror import ensure_mirror
from .monitors import ensure_programs, shared_volume
from .ports import free_port, leads_to
from .ssh import KEY, ensure_ssh_key

# Two checkouts on one machine never meet: names carry a hash of the checkout's path.
PREFIX = f"hotpath-{hashlib.sha1(str(PROJECT).encode()).hexdigest()[:8]}-"
SERVICE_PORT = 8000
BALANCER = "balancer"  # what the names of the hosts of the group balancers begin with
MONITOR = "monitor"  # and of the group monitors
BOOT_SECONDS = 60
PORTS_TRIED = 3


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
        if any(name.startswith(MONITOR) for name in names):
            ensure_programs()
            ensure_archive()
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
            found = _lead_to(found[name], image)
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


def _lead_to(host: Host, image: str) -> dict[str, Host]:
    """Give a host that has booted another port where its own leads elsewhere; every host by name."""
    tried: set[int] = set()
    while host.port and not leads_to(host.container, host.port, SERVICE_PORT):
        tried.add(host.port)
        if len(tried) == PORTS_TRIED:
            raise Failure(
                f"The ports {sorted(tried)} on 127.0.0.1 do not lead to {host.name}, though podman says so: rules of "
                "containers that ended without it forward them elsewhere. See `iptables -t nat -S`; a restart of the "
                "machine removes them, and HOTPATH_PORT chooses where to begin"
            )
        say(f"Port {host.port} on 127.0.0.1 does not lead to {host.name}; giving it another")
        remove([host])
        _start(host.name, image, tried | {other.port for other in hosts().values() if other.port})
        _wait_until_booted(host.container)
        host = hosts()[host.name]
    return hosts()


def _start(name: str, image: str, taken: set[int]) -> None:
    port = free_port(taken)
    # A look-alike installs from its mirror. It keeps the image's empty resolv.conf, because a name server that does not
    # answer would stall each lookup for seconds. A real image needs the public repositories.
    offline = [] if real_base() else ["--dns", "none", "--volume", f"{ensure_mirror()}:/srv/mirror:ro"]
    # A balancer has the right to an address of its own choice.
    rights = ["--cap-add", "NET_ADMIN,NET_RAW"] if name.startswith(BALANCER) else []
    watching = ["--volume", shared_volume()] if name.startswith(MONITOR) else []
    run(
        ["podman", *runtime_options(), "run", "--detach", "--name", PREFIX + name, "--hostname", name,
         "--systemd=always", *limit_options(), "--pids-limit", "4096", "--shm-size", "1g", *rights,
         "--publish", f"127.0.0.1:{port}:{SERVICE_PORT}",
         "--volume", f"{KEY}.pub:/root/.ssh/authorized_keys:ro", *offline, *watching, image]
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
