"""What the container engine needs on this machine, found out instead of assumed."""

from __future__ import annotations

import json
import resource
import subprocess
from pathlib import Path
from typing import Any

from .cache import need_programs, run


def need_engine() -> None:
    """Fail with what to install when containers can't be run here."""
    programs = {"podman": "podman", "ssh": "openssh-client", "ssh-keygen": "openssh-client"}
    need_programs(programs if _cgroups_are_unified() else {**programs, "runc": "runc"})


def runtime_options() -> list[str]:
    """Global podman options: crun refuses a machine whose cgroup hierarchy is not the unified one, runc takes it."""
    return [] if _cgroups_are_unified() else ["--runtime", "runc"]


def _cgroups_are_unified() -> bool:
    return Path("/sys/fs/cgroup/cgroup.controllers").exists()


def limit_options() -> list[str]:
    """`podman run` options: its default limits may exceed what this machine lets anyone raise."""
    options = []
    # podman lowers its own process limit to the highest process id, and a container can't go above it.
    highest_pid = int(Path("/proc/sys/kernel/pid_max").read_text())
    for name, number, bound in (
        ("nofile", resource.RLIMIT_NOFILE, None),
        ("nproc", resource.RLIMIT_NPROC, highest_pid),
    ):
        _, hard = resource.getrlimit(number)
        if hard != resource.RLIM_INFINITY:
            limit = min(hard, bound) if bound else hard
            options += ["--ulimit", f"{name}={limit}:{limit}"]
    return options


def image_exists(name: str) -> bool:
    """Whether the engine has an image of this name."""
    return subprocess.run(["podman", "image", "exists", name], check=False).returncode == 0


def containers(prefix: str) -> list[dict[str, Any]]:
    """What `podman ps` says about every container whose name begins with `prefix`.

    One command, because a list that is asked about afterwards may name a container that someone has removed meanwhile.
    """
    listed: list[dict[str, Any]] = json.loads(
        run(["podman", "ps", "--all", "--filter", f"name=^{prefix}", "--format", "json"])
    )
    return listed
