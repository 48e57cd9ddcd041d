"""Ansible module: switch systemd units off unless somebody uses them (runs on the host's Python 3.6)."""

DOCUMENTATION = r"""
module: trimmed_units
short_description: Switch services off that nobody uses
description:
  - Stops and disables the units of each service. Units that do not exist, or that are off already, are left alone.
  - A service is in use, and all its units stay, when one of its processes holds an established network connection
    with another program, when a running unit requires it, when a file system of one of the types O(services.mounts) is
    mounted, or when one of the paths O(services.paths) exists.
options:
  services:
    description: What to switch off.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the service, for people.
        type: str
        required: true
      units:
        description: Its systemd units; sockets, timers and paths that would start it again belong to it.
        type: list
        elements: str
        required: true
      reason:
        description: Why it goes, for people.
        type: str
      mounts:
        description: File system types that need the service.
        type: list
        elements: str
        default: []
      paths:
        description: Patterns of paths that are there when the service is needed, such as a device of its kind.
        type: list
        elements: str
        default: []
  keep:
    description: Names of services that stay as they are.
    type: list
    elements: str
    default: []
  root:
    description: Directory under which C(proc) and C(sys) are read.
    type: path
    default: /
author: [Hotpath]
"""

EXAMPLES = r"""
- name: Switch rpcbind off unless an NFS file system is mounted
  trimmed_units:
    services:
      - name: rpcbind
        units: [rpcbind.socket, rpcbind.service]
        mounts: [nfs]
"""

RETURN = r"""
trimmed:
  description: Units that were switched off, or would be in check mode.
  type: list
  elements: str
  returned: always
reasons:
  description: Why, by name of each service that lost a unit.
  type: dict
  returned: always
in_use:
  description: Reason by name of each service that was kept because it is in use.
  type: dict
  returned: always
words:
  description: Both as sentences.
  type: list
  elements: str
  returned: always
"""

import glob
import os
import re
from typing import Any, Dict, List, Optional, Set

from ansible.module_utils.basic import AnsibleModule

PROPERTIES = ("Id", "LoadState", "UnitFileState", "ActiveState", "ControlGroup", "RequiredBy", "BoundBy")
ESTABLISHED = "01"
ON_STATES = ("enabled", "enabled-runtime")
RUNNING_STATES = ("active", "activating", "reloading")


def parse_units(text: str) -> Dict[str, Dict[str, str]]:
    """Properties by unit from the answer of `systemctl show`, whose units are parted by empty lines."""
    found = {}
    for block in text.strip().split("\n\n"):
        properties = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if properties.get("LoadState") == "loaded":
            found[properties["Id"]] = properties
    return found


def is_on(properties: Dict[str, str]) -> bool:
    return properties["UnitFileState"] in ON_STATES or properties["ActiveState"] in RUNNING_STATES


def read(path: str) -> str:
    """Content, empty where it cannot be had: processes and their descriptors vanish while they are looked at."""
    try:
        with open(path) as stream:
            return stream.read()
    except OSError:
        return ""


def processes(root: str, control_group: str) -> List[str]:
    """Numbers of the processes in a control group, in the unified hierarchy or systemd's own."""
    if not control_group:
        return []
    found: Set[str] = set()
    for base in ("sys/fs/cgroup", "sys/fs/cgroup/systemd", "sys/fs/cgroup/unified"):
        found.update(read(os.path.join(root, base, control_group.lstrip("/"), "cgroup.procs")).split())
    return sorted(found)


def sockets(root: str, process: str) -> Set[str]:
    """Inodes of a process's sockets."""
    inodes = set()
    for descriptor in glob.glob(os.path.join(root, "proc", process, "fd/*")):
        try:
            match = re.match(r"socket:\[(\d+)\]", os.readlink(descriptor))
        except OSError:
            continue
        if match:
            inodes.add(match.group(1))
    return inodes


def connected(root: str) -> Set[str]:
    """Inodes of established TCP connections."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        for line in read(os.path.join(root, "proc/net", table)).splitlines()[1:]:
            columns = line.split()
            if columns[3] == ESTABLISHED:
                inodes.add(columns[9])
    return inodes


def requiring(service: Dict[str, Any], units: Dict[str, Dict[str, str]]) -> Set[str]:
    """Other units that cannot be without one of the service's."""
    found: Set[str] = set()
    for name in service["units"]:
        for kind in ("RequiredBy", "BoundBy"):
            found.update(units.get(name, {}).get(kind, "").split())
    return found - set(service["units"])


def use_of(root: str, service: Dict[str, Any], units: Dict[str, Dict[str, str]], running: Set[str]) -> Optional[str]:
    """Why a service must stay, None when nobody uses it; `running` are units of other services."""
    types = {line.split()[2] for line in read(os.path.join(root, "proc/mounts")).splitlines()}
    mounted = sorted(types & set(service["mounts"]))
    if mounted:
        return "a file system of type %s is mounted" % ", ".join(mounted)
    for pattern in service["paths"]:
        there = sorted(glob.glob(os.path.join(root, pattern.lstrip("/"))))
        if there:
            return "there is %s" % os.path.join("/", os.path.relpath(there[0], root))
    dependent = sorted(requiring(service, units) & running)
    if dependent:
        return "%s requires it" % ", ".join(dependent)
    established = connected(root)
    for name in service["units"]:
        for process in processes(root, units.get(name, {}).get("ControlGroup", "")):
            if sockets(root, process) & established:
                return "process %s of %s holds a network connection" % (process, name)
    return None


class Systemctl:
    """The calls of systemctl that are used."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._path = module.get_bin_path("systemctl", required=True)

    def show(self, names: List[str]) -> Dict[str, Dict[str, str]]:
        """Properties of the units that exist."""
        if not names:
            return {}
        command = [self._path, "show", "--property=" + ",".join(PROPERTIES)] + names
        _, out, _ = self._module.run_command(command, check_rc=True)
        return parse_units(out)

    def disable(self, names: List[str]) -> None:
        self._module.run_command([self._path, "disable", "--now"] + names, check_rc=True)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "services": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "units": {"type": "list", "elements": "str", "required": True},
                    "reason": {"type": "str"},
                    "mounts": {"type": "list", "elements": "str", "default": []},
                    "paths": {"type": "list", "elements": "str", "default": []},
                },
            },
            "keep": {"type": "list", "elements": "str", "default": []},
            "root": {"type": "path", "default": "/"},
        },
        supports_check_mode=True,
    )
    services, root = module.params["services"], module.params["root"]
    known = [service["name"] for service in services]
    unknown = sorted(set(module.params["keep"]) - set(known))
    if unknown:
        module.fail_json(
            msg="%s shall be kept, but there is no such service here; there are %s."
            % (", ".join(unknown), ", ".join(known))
        )
    services = [service for service in services if service["name"] not in module.params["keep"]]
    systemctl = Systemctl(module)
    units = systemctl.show([unit for service in services for unit in service["units"]])
    others = systemctl.show(sorted({name for service in services for name in requiring(service, units)}))
    running = {name for name, properties in others.items() if properties["ActiveState"] in RUNNING_STATES}
    trimmed: List[str] = []
    in_use: Dict[str, str] = {}
    reasons: Dict[str, str] = {}
    for service in services:
        on = [unit for unit in service["units"] if unit in units and is_on(units[unit])]
        use = use_of(root, service, units, running) if on else None
        if use:
            in_use[service["name"]] = use
        elif on:
            trimmed.extend(on)
            reasons[service["name"]] = service["reason"] or ""
    if trimmed and not module.check_mode:
        systemctl.disable(trimmed)
    words = ["%s goes: %s" % item for item in sorted(reasons.items())]
    words += ["%s stays: %s" % item for item in sorted(in_use.items())]
    module.exit_json(changed=bool(trimmed), trimmed=trimmed, reasons=reasons, in_use=in_use, words=words)


if __name__ == "__main__":
    main()
