#!/usr/bin/python
"""Tell which directives this host's systemd knows."""

import os
from typing import Dict, List

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: systemd_directives
short_description: Tell which directives this host's systemd knows
description:
  - Asks systemd itself, with C(systemd --dump-configuration-items). A version number would mislead, because EL8's
    systemd 239 carries directives from later versions (NUMAPolicy) and lacks others of its neighbours (OOMPolicy).
  - Changes nothing and may run in check mode.
options:
  sections:
    description: The sections of unit files that are asked for.
    type: list
    elements: str
    default: [Service, Socket]
author: Hotpath (@hotpath)
"""

RETURN = r"""
directives:
  description: The names of all known directives, by section.
  type: dict
  returned: always
  sample: {Service: [ExecStart, NUMAPolicy], Socket: [ListenStream]}
"""

# Where distributions keep the manager; none puts it on PATH.
MANAGERS = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")


def parse(dump: str) -> Dict[str, List[str]]:
    """Read `[Section]` headings followed by `Name=TYPE` lines."""
    sections = {}  # type: Dict[str, List[str]]
    names = []  # type: List[str]
    for line in dump.splitlines():
        text = line.strip()
        if text.startswith("[") and text.endswith("]"):
            names = sections.setdefault(text[1:-1], [])
        elif "=" in text:
            name = text.split("=", 1)[0]
            if name not in names:
                names.append(name)
    return sections


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={"sections": {"type": "list", "elements": "str", "default": ["Service", "Socket"]}},
        supports_check_mode=True,
    )
    manager = next((path for path in MANAGERS if os.access(path, os.X_OK)), None)
    if manager is None:
        module.fail_json(
            msg="No systemd at {}: the service's unit needs a host that runs systemd.".format(" or ".join(MANAGERS))
        )
    _, stdout, _ = module.run_command([manager, "--dump-configuration-items"], check_rc=True)
    known = parse(stdout)
    missing = [section for section in module.params["sections"] if section not in known]
    if missing:
        module.fail_json(
            msg="{} names no section {}. Known: {}.".format(manager, ", ".join(missing), ", ".join(sorted(known)))
        )
    module.exit_json(changed=False, directives={name: sorted(known[name]) for name in module.params["sections"]})


if __name__ == "__main__":
    main()
