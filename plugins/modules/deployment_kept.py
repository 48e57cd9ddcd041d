"""Ansible module: which releases and versions of models a host keeps, and which it runs (the host's Python 3.6)."""

DOCUMENTATION = r"""
module: deployment_kept
short_description: Tell which releases and versions of models a host keeps, and which of them it runs
description:
  - Reads directories, links and the unit's state; changes nothing, and may run in check mode.
options:
  root:
    description: The directory with releases and the link to the current one.
    type: path
    default: /opt/hotpath
  models:
    description: The directory with models by name and version.
    type: path
    default: /var/lib/hotpath/models
  deployment:
    description: What the last deployment wrote for the unit.
    type: path
    default: /etc/hotpath/deployment
  running:
    description: What the unit wrote after its last good start.
    type: path
    default: /run/hotpath/deployment
author: [Hotpath]
"""

RETURN = r"""
releases:
  description: The releases that are installed to their end, the newest first.
  type: list
  elements: str
  returned: always
models:
  description: The versions of each model that are built to their end, the newest first, by the model's name.
  type: dict
  returned: always
linked:
  description: The C(release) and the version of each of the C(models) that the links name, empty where there is none.
  type: dict
  returned: always
running:
  description: The C(release) and the version of each of the C(models) that the service runs, empty when it does not.
  type: dict
  returned: always
text:
  description: What the service is started from, as the last deployment wrote it.
  type: str
  returned: always
state:
  description: The service's state as systemd calls it.
  type: str
  returned: always
since:
  description: Since when it is in this state, in UTC, empty when systemd does not tell.
  type: str
  returned: always
"""

import os
import time
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.deployment_host import MARKER, link_target, read_assignments, read_text

PROPERTIES = "ActiveState,StateChangeTimestampMonotonic"


def kept(directory: str, proof: str) -> List[str]:
    """Entries of a directory that hold the file that is written last, the newest first."""
    names = os.listdir(directory) if os.path.isdir(directory) else []
    paths = {name: os.path.join(directory, name, proof) for name in names if name != "current"}
    ages = {name: os.stat(path).st_mtime for name, path in paths.items() if os.path.isfile(path)}
    return sorted(ages, key=lambda name: (-ages[name], name))


def linked(root: str, models: str, names: List[str]) -> Dict[str, Any]:
    """Where the links point."""
    versions = {name: os.path.basename(link_target(os.path.join(models, name, "current"))) for name in names}
    return {"release": os.path.basename(link_target(os.path.join(root, "current"))), "models": versions}


def running(text: str) -> Dict[str, Any]:
    """Read what the unit wrote: lines NAME=VALUE, the models as NAME/VERSION with blanks between."""
    said = read_assignments(text)
    return {
        "release": said.get("release", ""),
        "models": dict(model.split("/", 1) for model in said.get("models", "").split()),
    }


def since(monotonic_us: str) -> str:
    """A moment of the kernel's clock, in UTC."""
    if not monotonic_us.isdigit() or monotonic_us == "0":
        return ""
    moment = time.time() - time.clock_gettime(time.CLOCK_MONOTONIC) + int(monotonic_us) / 1e6
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "default": "/opt/hotpath"},
            "models": {"type": "path", "default": "/var/lib/hotpath/models"},
            "deployment": {"type": "path", "default": "/etc/hotpath/deployment"},
            "running": {"type": "path", "default": "/run/hotpath/deployment"},
        },
        supports_check_mode=True,
    )
    root, models = module.params["root"], module.params["models"]
    command = ["systemctl", "show", "hotpath.service", "--property=" + PROPERTIES]
    _, shown, _ = module.run_command(command, check_rc=True)
    unit = read_assignments(shown)
    active = unit.get("ActiveState") == "active"
    names = sorted(os.listdir(models)) if os.path.isdir(models) else []
    versions = {name: kept(os.path.join(models, name), "model.json") for name in names}
    module.exit_json(
        changed=False,
        releases=kept(os.path.join(root, "releases"), MARKER),
        models={name: found for name, found in versions.items() if found},
        linked=linked(root, models, names),
        running=running((read_text(module.params["running"]) or "") if active else ""),
        text=read_text(module.params["deployment"]) or "",
        state=unit.get("ActiveState", ""),
        since=since(unit.get("StateChangeTimestampMonotonic", "")),
    )


if __name__ == "__main__":
    main()
