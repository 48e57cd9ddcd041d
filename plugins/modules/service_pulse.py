#!/usr/bin/python
"""Ansible module: the processes of a host's inference service and their memory (Python 3.6)."""

DOCUMENTATION = r"""
module: service_pulse
short_description: Tell the processes of a unit and the memory that is theirs alone, and have answers compared
description:
  - Asks the kernel about processes and memory, and not the service, whose release may be the one that is judged.
  - May have the service send copies of requests to another one for a while, to compare its answers (hotpath compare).
options:
  compare_to:
    description: Address and port of a service whose answers are to be compared with this one's; empty for none.
    type: str
    default: ""
  part:
    description: Of the requests, 0 to 1, of which copies go there.
    type: float
    default: 0.1
  seconds:
    description: After how long that ends by itself.
    type: float
    default: 60
  control:
    description: The service's control socket.
    type: path
    default: /run/hotpath-control/socket
  unit:
    description: The unit.
    type: str
    default: hotpath.service
author: [Hotpath]
"""

EXAMPLES = r"""
- name: See whether the service grows
  service_pulse:
"""

RETURN = r"""
bytes:
  description: Anonymous memory of all processes, in which a leak shows; what they share, as the slots, is left out.
  type: int
  returned: always
compared:
  description: How many answers agreed, differed and failed since the service was started; empty where it can't compare.
  type: dict
  returned: always
main:
  description: The main process, 0 where the service does not run.
  type: int
  returned: always
processes:
  description: The processes, ascending.
  type: list
  returned: always
"""

import json
import re
import socket
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.deployment_host import read_assignments


def group_processes(group: str) -> List[int]:
    """The processes of a control group, by a hierarchy that systemd has it in."""
    for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd"):
        try:
            with open("%s%s/cgroup.procs" % (root, group)) as stream:
                return sorted(int(line) for line in stream)
        except OSError:
            continue
    return []


def anonymous_bytes(process: int) -> int:
    """Memory that is a process's own; 0 where it has ended."""
    try:
        with open("/proc/%d/status" % process) as stream:
            found = re.search(r"^RssAnon:\s+(\d+) kB", stream.read(), re.MULTILINE)
    except OSError:
        return 0
    return 1024 * int(found.group(1)) if found else 0


def compared(control: str, asked: Dict[str, Any]) -> Dict[str, int]:
    """Have answers compared; empty where the service does not run, or is of a release that knows nothing of it."""
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(10)
            link.connect(control)
            link.sendall(json.dumps(dict(asked, command="compare")).encode() + b"\n")
            answer = json.loads(link.makefile().readline() or "{}")
    except (OSError, ValueError):
        return {}
    return dict(answer.get("compared", {}))


def main() -> None:
    spec = {
        "unit": {"type": "str", "default": "hotpath.service"},
        "compare_to": {"type": "str", "default": ""},
        "part": {"type": "float", "default": 0.1},
        "seconds": {"type": "float", "default": 60},
        "control": {"type": "path", "default": "/run/hotpath-control/socket"},
    }  # type: Dict[str, Any]
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    wanted = {"to": module.params["compare_to"], "part": module.params["part"], "seconds": module.params["seconds"]}
    asked = ["systemctl", "show", module.params["unit"], "--property=MainPID,ControlGroup"]
    _, shown, _ = module.run_command(asked, check_rc=True)
    unit = read_assignments(shown)
    processes = group_processes(unit["ControlGroup"]) if unit.get("ControlGroup") else []
    module.exit_json(
        changed=False,
        main=int(unit.get("MainPID") or 0),
        processes=processes,
        bytes=sum(map(anonymous_bytes, processes)),
        compared=compared(module.params["control"], wanted) if wanted["to"] else {},
    )


if __name__ == "__main__":
    main()
