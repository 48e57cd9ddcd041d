"""Ansible module: what the last boot brought, and who waits for another (runs on the host's Python 3.6)."""

DOCUMENTATION = r"""
module: boot_state
short_description: Tell what the last boot brought and who waits for another
description:
  - Reads the requests for a reboot, the boot arguments that are recorded, and what the running kernel made of its own.
  - Changes nothing and may run in check mode.
options:
  requests:
    description: Directory with a file for each role that waits for a reboot; it holds the reason.
    type: path
    required: true
  record:
    description: File with the boot arguments that every boot entry is to hold.
    type: path
    required: true
  root:
    description: Directory under which C(proc) and C(sys) are read.
    type: path
    default: /
author: [Hotpath]
"""

RETURN = r"""
requests:
  description: Why a role waits for a reboot, by its name.
  type: dict
  returned: always
recorded:
  description: The recorded boot arguments, empty when there are none.
  type: str
  returned: always
command_line:
  description: What the running kernel was started with.
  type: str
  returned: always
isolated:
  description: The CPUs that it isolated, as it lists them.
  type: str
  returned: always
failed:
  description: Units whose names begin with hotpath and that failed.
  type: list
  elements: str
  returned: always
"""

import os
from typing import Dict, List

from ansible.module_utils.basic import AnsibleModule


def text_of(path: str) -> str:
    if not os.path.exists(path):
        return ""
    with open(path) as stream:
        return stream.read().strip()


def reasons(directory: str) -> Dict[str, str]:
    names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
    return {name: text_of(os.path.join(directory, name)) for name in names}


def failed_units(module: AnsibleModule) -> List[str]:
    command = ["systemctl", "list-units", "--state=failed", "--plain", "--no-legend", "hotpath*"]
    _, out, _ = module.run_command(command, check_rc=True)
    return [line.split()[0] for line in out.splitlines() if line.strip()]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "requests": {"type": "path", "required": True},
            "record": {"type": "path", "required": True},
            "root": {"type": "path", "default": "/"},
        },
        supports_check_mode=True,
    )
    root = module.params["root"]
    module.exit_json(
        changed=False,
        requests=reasons(module.params["requests"]),
        recorded=text_of(module.params["record"]),
        command_line=text_of(os.path.join(root, "proc/cmdline")),
        isolated=text_of(os.path.join(root, "sys/devices/system/cpu/isolated")),
        failed=failed_units(module),
    )


if __name__ == "__main__":
    main()
