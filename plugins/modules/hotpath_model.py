#!/usr/bin/python
"""Build a deployable model on the host that will run it."""

import json
import os
import shutil
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.deployment_host import (
    DeploymentError,
    exclusive,
    extract,
    read_json,
    require_digest,
    write_json,
)

DOCUMENTATION = r"""
module: hotpath_model
short_description: Build a deployable model on the host that will run it
description:
  - Unpacks a model's source and runs C(hotpath build) on it, which traces the model, compares it with the eager one on
    real photographs and refuses it when they differ. What was built from which source is kept in I(record).
options:
  archive:
    description: The archive with the model's source.
    type: path
    required: true
  sha256:
    description: The archive's digest, as the controller built it.
    type: str
    required: true
  release:
    description: The directory of the release whose C(hotpath) builds.
    type: path
    required: true
  models:
    description: The directory that holds every model by name and version.
    type: path
    required: true
  precision:
    description: What the back end onednn is to run in; empty takes what the source says.
    type: str
    default: ""
  record:
    description: The file that remembers name, version and path of what was built.
    type: path
    required: true
  lock:
    description: The file that keeps two deployments on one host apart.
    type: path
    default: /run/lock/hotpath-deployment
author: Hotpath (@hotpath)
"""

RETURN = r"""
model:
  description: Name, version and path of the built model; empty in check mode when it is still to be built.
  type: dict
  returned: always
"""


def recorded(record: str) -> Dict[str, Any]:
    """What an earlier run built, if it is still there."""
    model = read_json(record)
    path = model.get("path")
    return model if path and os.path.isfile(os.path.join(str(path), "model.json")) else {}


def build(module: AnsibleModule, wanted: Dict[str, Any]) -> Dict[str, Any]:
    """Unpack, build and remember. Raises DeploymentError with what `hotpath build` said."""
    require_digest(wanted["archive"], wanted["sha256"])
    source = os.path.join(wanted["models"], ".source")
    shutil.rmtree(source, ignore_errors=True)  # of a run that was killed
    try:
        extract(wanted["archive"], source)
        python = os.path.join(wanted["release"], "venv", "bin", "python")
        command = [python, "-m", "hotpath", "build", source, "--output", wanted["models"], "--json"]
        if wanted["precision"]:
            command += ["--precision", wanted["precision"]]
        code, stdout, stderr = module.run_command(command, cwd="/")
        if code != 0:
            raise DeploymentError("hotpath build refused the model:\n{0}".format((stderr or stdout).strip()[-3000:]))
        answer = json.loads(stdout.strip().splitlines()[-1])
        model = {name: answer[name] for name in ("name", "version", "path")}
        write_json(wanted["record"], model)
        return model
    finally:
        shutil.rmtree(source, ignore_errors=True)


def main() -> None:
    """Run as an Ansible module."""
    names = ("archive", "release", "models", "record")
    spec: Dict[str, Any] = {name: {"type": "path", "required": True} for name in names}
    spec["sha256"] = {"type": "str", "required": True}
    spec["precision"] = {"type": "str", "default": ""}
    spec["lock"] = {"type": "path", "default": "/run/lock/hotpath-deployment"}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    os.umask(0o022)
    try:
        model = recorded(module.params["record"])
        if model or module.check_mode:
            module.exit_json(changed=not model, model=model)
        with exclusive(module.params["lock"]):
            model = recorded(module.params["record"])
            changed = not model
            model = model or build(module, module.params)
        module.exit_json(changed=changed, model=model)
    except (DeploymentError, OSError, ValueError, KeyError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
