#!/usr/bin/python
"""Install a release of the service into a directory of its own, without a package index."""

import os
import shutil
import sys
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.deployment_host import (
    MARKER,
    DeploymentError,
    exclusive,
    extract,
    read_json,
    require_digest,
    write_json,
)

DOCUMENTATION = r"""
module: hotpath_release
short_description: Install a release of the service into a directory of its own
description:
  - Makes I(path)/venv from the wheels in I(archives) with the pip that lies among them, so that neither the host's
    pip nor a package index plays a part. Every wheel is checked against its digest.
  - Scripts in a virtual environment hold its path, so it cannot be made elsewhere and renamed. A release counts only
    once its file C(.complete) is written, which is the last thing that happens; what an interrupted run left behind
    is removed and made anew.
options:
  path:
    description: The directory of the release.
    type: path
    required: true
  python:
    description: The Python that the virtual environment is made from.
    type: path
    required: true
  archives:
    description: The archives with dependencies and service, each with C(path) and C(sha256).
    type: list
    elements: dict
    required: true
  lock:
    description: The file that keeps two installations on one host apart.
    type: path
    default: /run/lock/hotpath-deployment
author: Hotpath (@hotpath)
"""

RETURN = r"""
path:
  description: The directory of the release.
  type: str
  returned: always
"""


def is_complete(path: str, archives: List[Dict[str, str]]) -> bool:
    """Whether the release was installed to its end from these archives."""
    installed = read_json(os.path.join(path, MARKER)).get("archives")
    return bool(installed == [archive["sha256"] for archive in archives])


def steps(path: str, python: str) -> List[List[str]]:
    """The commands that turn unpacked wheels into a virtual environment, in order."""
    wheels = os.path.join(path, "wheels")
    venv = os.path.join(path, "venv")
    folders = [os.path.join(wheels, name) for name in ("dependencies", "release")]
    pip = next(name for name in sorted(os.listdir(folders[0])) if name.startswith("pip-"))
    install = [os.path.join(venv, "bin", "python"), os.path.join(folders[0], pip, "pip"), "install"]
    install += ["--no-index", "--no-deps", "--require-hashes", "--no-compile", "--no-cache-dir", "--no-input", "-q"]
    for folder in folders:
        install += ["--find-links", folder, "-r", os.path.join(folder, "requirements.txt")]
    return [
        [python, "-m", "venv", "--without-pip", venv],
        install,
        # The service's user cannot write here, so bytecode is made now. With -E no variable can forbid it.
        [os.path.join(venv, "bin", "python"), "-E", "-m", "hotpath.bytecode"],
    ]


def install(module: AnsibleModule, path: str, python: str, archives: List[Dict[str, str]]) -> None:
    """Make the release from nothing. Raises DeploymentError and leaves no half behind."""
    for archive in archives:
        require_digest(archive["path"], archive["sha256"])
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path, 0o755)
    try:
        for archive in archives:
            extract(archive["path"], os.path.join(path, "wheels"))
        for command in steps(path, python):
            code, stdout, stderr = module.run_command(command)
            if code != 0:
                raise DeploymentError(explain(command, code, stderr or stdout))
        shutil.rmtree(os.path.join(path, "wheels"))
        write_json(os.path.join(path, MARKER), {"archives": [archive["sha256"] for archive in archives]})
    except Exception:
        shutil.rmtree(path, ignore_errors=True)
        raise


def explain(command: List[str], code: int, output: str) -> str:
    """The cause of a failed step and what to do about it."""
    reason = "\n".join(output.strip().splitlines()[-6:])
    if "No space left on device" in output:
        remedy = "Free space below /opt/hotpath, then run again."
    elif "HASHES" in output:
        remedy = "A wheel is not the one that the controller locked. Run playbooks/bundle.yml, then run again."
    elif "is not a supported wheel" in output or "No matching distribution" in output:
        remedy = "The bundle was built for another Python than {0}. See stack_service.".format(command[0])
    else:
        remedy = "Nothing was switched over; mend the cause and run again."
    return "{0} ended with exit code {1}: {2}\n{3}".format(" ".join(command[:4]), code, reason, remedy)


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "python": {"type": "path", "required": True},
            "archives": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {"path": {"type": "path", "required": True}, "sha256": {"type": "str", "required": True}},
            },
            "lock": {"type": "path", "default": "/run/lock/hotpath-deployment"},
        },
        supports_check_mode=True,
    )
    wanted: Dict[str, Any] = module.params
    os.umask(0o022)  # the service's user reads what root installs, whatever root's own umask
    try:
        if module.check_mode or is_complete(wanted["path"], wanted["archives"]):
            changed = not is_complete(wanted["path"], wanted["archives"])
            module.exit_json(changed=changed, path=wanted["path"])
        with exclusive(wanted["lock"]):
            changed = not is_complete(wanted["path"], wanted["archives"])
            if changed:
                install(module, wanted["path"], wanted["python"], wanted["archives"])
        module.exit_json(changed=changed, path=wanted["path"])
    except (DeploymentError, OSError) as error:
        module.fail_json(msg=str(error), path=wanted["path"], python=sys.version)


if __name__ == "__main__":
    main()
