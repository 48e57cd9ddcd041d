#!/usr/bin/python
"""Read everything that a deployment needs to know about a host, at once."""

import os
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.deployment_host import MARKER, link_target, read_assignments, read_json, read_text
from ansible.module_utils.survey_ports import listeners
from ansible.module_utils.topology_gpus import gpus, tell_by_driver

DOCUMENTATION = r"""
module: deployment_state
short_description: Read everything that a deployment needs to know about a host
description:
  - Reads what is installed, linked, configured and running, and changes nothing. Also runs in check mode, on a host
    that was never touched.
options:
  root:
    description: The directory with releases, archives and the link to the current release.
    type: path
    required: true
  models:
    description: The directory with models by name and version.
    type: path
    required: true
  release:
    description: The name of the wanted release.
    type: str
    required: true
  archives:
    description: The archives on the host that the wanted release is installed from, each with C(path) and C(sha256).
    type: list
    elements: dict
    required: true
  builds:
    description: >-
      The wanted models, each with C(name), C(archive), the archive on the host with its source, and C(record), the file
      in which its build is recorded.
    type: list
    elements: dict
    required: true
  records:
    description: The directory of the records of all builds.
    type: path
    required: true
  files:
    description: Files whose text is returned, so that it can be put back.
    type: list
    elements: path
    default: []
  port:
    description: The port of the service.
    type: int
    required: true
  keep:
    description: How many releases and versions of each model stay on the host.
    type: int
    default: 3
author: Hotpath (@hotpath)
"""

RETURN = r"""
release_complete:
  description: Whether the wanted release is installed to its end.
  type: bool
  returned: always
models:
  description: Name, version and path of each wanted model that is built, by its name.
  type: dict
  returned: always
gpus:
  description: The GPUs on the bus, with UUID and memory where the driver tells them.
  type: list
  returned: always
links:
  description: Where the link C(release) and those of C(models), by their names, point to, empty where there is none.
  type: dict
  returned: always
running:
  description: The deployment from which the service was started and became active, empty when it is not.
  type: str
  returned: always
units:
  description: State of service and socket as systemd shows it.
  type: dict
  returned: always
listeners:
  description: The processes that listen on the port, each with pid, process and unit.
  type: list
  returned: always
free_bytes:
  description: Free disk space for releases and for models.
  type: dict
  returned: always
texts:
  description: The text of each of I(files) that exists.
  type: dict
  returned: always
rollout:
  description: What the host is to go back to, and since when, while it is part of a rollout; empty otherwise.
  type: dict
  returned: always
plan:
  description: The host's affinity plan, empty when there is none.
  type: dict
  returned: always
superfluous:
  description: Releases, archives and versions of models that nothing needs any more.
  type: list
  returned: always
left:
  description: Models that were deployed and are no longer wanted, with their records; the service may still serve them.
  type: list
  returned: always
"""

SERVICE = "hotpath.service"
SOCKET = "hotpath.socket"
PROPERTIES = "Id,LoadState,ActiveState,NeedDaemonReload,UnitFileState"
RUNNING = "/run/hotpath/deployment"  # written by the unit after a good start
PLAN = "/etc/hotpath/plan.json"
ROLLOUT = "/var/lib/hotpath/rollout.json"  # written by the role rollout before it touches the host


def read_units(shown: str) -> Dict[str, Dict[str, str]]:
    """Read `systemctl show`: blocks of NAME=VALUE lines, one block a unit."""
    units = {}
    for block in shown.strip().split("\n\n"):
        values = read_assignments(block)
        units[values.get("Id", "")] = values
    return units


def free_bytes(path: str) -> int:
    """Free space of the file system that `path` is on or will be on."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def superfluous(directory: str, marker: str, keep: int, needed: List[str]) -> List[str]:
    """The entries of `directory` that may go: halves, and all but the `keep` newest and those `needed`."""
    if not os.path.isdir(directory):
        return []
    ages = {}
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        if os.path.isdir(path) and not os.path.islink(path) and not name.startswith("."):
            proof = os.path.join(path, marker)
            ages[path] = os.stat(proof).st_mtime if os.path.isfile(proof) else 0.0
    others = [path for path in sorted(ages, key=lambda p: (-ages[p], p)) if os.path.basename(path) not in needed]
    room = max(0, keep - len([path for path in ages if os.path.basename(path) in needed]))
    halves = [path for path in others if not ages[path]]
    return sorted(halves + [path for path in others if ages[path]][room:])


def built_model(record: str) -> Dict[str, Any]:
    """What a record says of a build whose model is still there, empty otherwise."""
    model = read_json(record)
    return model if os.path.isfile(os.path.join(str(model.get("path", "")), "model.json")) else {}


def old_versions(
    wanted: Dict[str, Any], models: Dict[str, Dict[str, Any]], linked: Dict[str, str], earlier: Dict[str, str]
) -> List[str]:
    """Versions of the wanted models that nothing needs any more."""
    found = []  # type: List[str]
    for name, model in models.items():
        needed = [str(model.get("version", "")), linked[name], earlier.get(name, "")]
        found += superfluous(os.path.join(wanted["models"], name), "model.json", wanted["keep"], needed)
    return found


def left_models(directory: str, records: str, wanted: List[str]) -> List[str]:
    """Models that were deployed here and are no longer wanted, and last the records that say so.

    What somebody built by hand beside them has no record and stays.
    """
    entries = sorted(os.listdir(records)) if os.path.isdir(records) else []
    names = {}
    for entry in entries:
        path = os.path.join(records, entry)
        name = str(read_json(path).get("name", ""))
        if name and os.path.basename(name) == name and name not in wanted:
            names[path] = name
    left = [os.path.join(directory, name) for name in sorted(set(names.values()))]
    return [path for path in left if os.path.isdir(path)] + sorted(names)


def stale_archives(needed: List[str]) -> List[str]:
    """Every file beside the needed archives that is none of them: archives of earlier deployments."""
    directory = os.path.dirname(needed[0])
    names = os.listdir(directory) if os.path.isdir(directory) else []
    return sorted({os.path.join(directory, name) for name in names} - set(needed))


def read_state(wanted: Dict[str, Any], shown: str) -> Dict[str, Any]:
    """All that RETURN names."""
    release = os.path.join(wanted["root"], "releases", wanted["release"])
    models = {build["name"]: built_model(build["record"]) for build in wanted["builds"]}
    release_link = link_target(os.path.join(wanted["root"], "current"))
    model_links = {name: link_target(os.path.join(wanted["models"], name, "current")) for name in models}
    units = read_units(shown)
    active = units.get(SERVICE, {}).get("ActiveState") == "active"
    texts = {path: read_text(path) for path in wanted["files"]}
    rollout = read_json(ROLLOUT)
    earlier = rollout.get("earlier", {}).get("links", {"release": "", "models": {}})
    releases = [wanted["release"], os.path.basename(release_link), os.path.basename(earlier["release"])]
    digests = [archive["sha256"] for archive in wanted["archives"]]
    needed = [archive["path"] for archive in wanted["archives"]] + [build["archive"] for build in wanted["builds"]]
    return {
        "release_complete": read_json(os.path.join(release, MARKER)).get("archives") == digests
        and os.access(os.path.join(release, "venv", "bin", "python"), os.X_OK),
        "models": {name: model for name, model in models.items() if model},
        "links": {"release": release_link, "models": model_links},
        "running": read_assignments(read_text(RUNNING) or "").get("deployment", "") if active else "",
        "units": {"service": units.get(SERVICE, {}), "socket": units.get(SOCKET, {})},
        "listeners": listeners("/", [wanted["port"]], lambda port: SOCKET).get(str(wanted["port"]), []),
        "free_bytes": {name: free_bytes(wanted[name]) for name in ("root", "models")},
        "texts": {path: text for path, text in texts.items() if text is not None},
        "rollout": rollout,
        "plan": read_json(PLAN),
        "superfluous": superfluous(os.path.join(wanted["root"], "releases"), MARKER, wanted["keep"], releases)
        + old_versions(wanted, models, model_links, earlier["models"])
        + stale_archives(needed),
        "left": left_models(wanted["models"], wanted["records"], list(models)),
    }


def main() -> None:
    """Run as an Ansible module."""
    spec: Dict[str, Any] = {name: {"type": "path", "required": True} for name in ("root", "models", "records")}
    spec["release"] = {"type": "str", "required": True}
    build = {name: {"type": "path", "required": True} for name in ("archive", "record")}
    build["name"] = {"type": "str", "required": True}
    spec["builds"] = {"type": "list", "elements": "dict", "required": True, "options": build}
    archive = {"path": {"type": "path", "required": True}, "sha256": {"type": "str", "required": True}}
    spec["archives"] = {"type": "list", "elements": "dict", "required": True, "options": archive}
    spec["files"] = {"type": "list", "elements": "path", "default": []}
    spec["port"] = {"type": "int", "required": True}
    spec["keep"] = {"type": "int", "default": 3}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    command = ["systemctl", "show", SERVICE, SOCKET, "--property=" + PROPERTIES]
    _, shown, _ = module.run_command(command, check_rc=True)
    found = gpus("/")
    tell_by_driver(module, found)
    module.exit_json(changed=False, gpus=found, **read_state(module.params, shown))


if __name__ == "__main__":
    main()
