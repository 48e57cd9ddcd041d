"""The inventory of throwaway hosts, with concrete values: not every reader of an inventory renders templates."""

from __future__ import annotations

import json
import json
import os
from typing import Any

from .cache import CACHE
from .hosts import KEY, PREFIX, ssh_arguments
from .image import real_base
from .mirror import mirror_folder
from .mirror import mirror_key


def host_names() -> list[str]:
    """The hosts in play: HOTPATH_DEMO_HOSTS, else the one of the molecule scenario that runs, else gpu-1."""
    scenario = os.environ.get("MOLECULE_SCENARIO_NAME", "")
    chosen = os.environ.get("HOTPATH_DEMO_HOSTS") or scenario.replace("_", "-").lower() or "gpu-1"
    return chosen.replace(",", " ").split()


def inventory() -> dict[str, Any]:
    """The answer to `--list`."""
    names = host_names()
    return {
        "gpu_hosts": {"hosts": names, "vars": {} if real_base() else _mirror_variables()},
        "_meta": {"hostvars": {name: _host_variables(name) for name in names}},
    }


def _mirror_variables() -> dict[str, Any]:
    """The offline mirror and the keys that were generated for it; none of the latter before it is built."""
    published = CACHE / "mirror" / mirror_key() / "keys" / "fingerprints.json"
    fingerprints = {"el8_repositories_fingerprints": json.loads(published.read_text())} if published.exists() else {}
    return {"el8_repositories_mirror": "file:///srv/mirror", **fingerprints}


def _mirror_variables() -> dict[str, Any]:
    """Where the hosts install from, and the keys that were generated for it."""
    variables: dict[str, Any] = {"el8_repositories_mirror": "file:///srv/mirror"}
    published = mirror_folder() / "keys" / "fingerprints.json"
    if published.exists():
        variables["el8_repositories_fingerprints"] = json.loads(published.read_text())
    return variables


def _host_variables(name: str) -> dict[str, Any]:
    container = PREFIX + name
    return {
        "ansible_host": container,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(KEY),
        "ansible_ssh_common_args": " ".join(
            f'"{word}"' if " " in word else word for word in ssh_arguments(container)
        ),
        "ansible_python_interpreter": "/usr/libexec/platform-python",
    }
