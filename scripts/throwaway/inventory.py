"""The inventory of throwaway hosts, with concrete values: not every reader of an inventory renders templates."""

from __future__ import annotations

import os
from typing import Any

from . import grafana, monitors
from .fleet import is_vm, ssh_arguments
from .hosts import BALANCER, MONITOR, PREFIX
from .image import real_base
from .layout import KEY_FILES
from .signing import known_fingerprints
from .ssh import KEY


def host_names() -> list[str]:
    """The hosts in play: HOTPATH_DEMO_HOSTS, else the one of the molecule scenario that runs, else gpu-1."""
    scenario = os.environ.get("MOLECULE_SCENARIO_NAME", "")
    chosen = os.environ.get("HOTPATH_DEMO_HOSTS") or scenario.replace("_", "-").lower() or "gpu-1"
    return chosen.replace(",", " ").split()


def inventory() -> dict[str, Any]:
    """The answer to `--list`."""
    names = host_names()
    balancers = [name for name in names if name.startswith(BALANCER)]
    watching = [name for name in names if name.startswith(MONITOR)]
    archives = {**monitors.archive_variables(), **grafana.archive_variables()} if watching else {}
    mirror = {} if real_base() else _mirror_variables()
    return {
        "virtual_machines": {"hosts": [name for name in names if is_vm(name)]},
        "gpu_hosts": {"hosts": [name for name in names if name not in balancers + watching], "vars": mirror},
        "balancers": {"hosts": balancers, "vars": mirror},
        "monitors": {"hosts": watching},
        "package_mirrors": {"hosts": []},
        "all": {"vars": archives},
        "_meta": {"hostvars": {name: _host_variables(name) for name in names}},
    }


def _mirror_variables() -> dict[str, Any]:
    """The offline mirror and the keys that were generated for it; none of the latter before it is built."""
    known = known_fingerprints()
    variables: dict[str, Any] = {"el8_repositories_mirror": "file:///srv/mirror"}
    if known:
        variables["el8_repositories_fingerprints"] = {name: known[owner] for owner, name in KEY_FILES.items()}
    return variables


def _host_variables(name: str) -> dict[str, Any]:
    return {
        "ansible_host": PREFIX + name,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(KEY),
        "ansible_ssh_common_args": " ".join(f'"{word}"' if " " in word else word for word in ssh_arguments(name)),
        "ansible_python_interpreter": "/usr/libexec/platform-python",
    }
