"""Ansible module: who is changing this host (runs on the host's Python 3.6; the action plugin takes the lock)."""

DOCUMENTATION = r"""
module: play_lock
short_description: Let one play at a time change a host
description:
  - Takes the host's lock for the rest of the C(ansible-playbook) process. A connection of its own holds it, so that it
    ends with that process, however that ends; no lock is ever left behind.
  - When another play holds the lock, the task waits and then fails, naming that play.
  - In check mode the lock is looked at and not taken.
options:
  wait_s:
    description: Seconds to wait for another play.
    type: int
    default: 30
  token:
    description: Set by the action plugin, names the process that wants the lock.
    type: str
    default: ""
  anyone:
    description: Stop waiting as soon as any play holds the lock.
    type: bool
    default: false
  path:
    description: The file that is locked; it holds the process that locked it last.
    type: path
    default: /run/hotpath/play.lock
author: [Hotpath]
"""

EXAMPLES = r"""
- name: Be the only play that changes this host
  play_lock:
    wait_s: 600
"""

RETURN = r"""
held:
  description: Whether the play that asks holds the lock.
  type: bool
  returned: always
holder:
  description: The play that holds the lock, empty when none does.
  type: dict
  returned: always
"""

import fcntl
import json
import time
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

PAUSE_S = 0.1


def holder_of(path: str) -> Dict[str, Any]:
    """Who holds the lock: the kernel knows whether somebody does, the file says who."""
    try:
        with open(path) as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                process, _, words = stream.read().partition(" ")
                # Between locking and writing the file holds an earlier holder, or nothing yet.
                return dict(json.loads(words), host_process=int(process)) if words else {"token": ""}
    except FileNotFoundError:
        pass
    return {}


def wait_for(path: str, token: str, wait_s: float, anyone: bool) -> Dict[str, Any]:
    """The holder as soon as it is the one with `token` (or `anyone`), otherwise the one after `wait_s`."""
    deadline = time.monotonic() + wait_s
    while True:
        holder = holder_of(path)
        if holder.get("token") == token or (anyone and holder) or time.monotonic() >= deadline:
            return holder
        time.sleep(PAUSE_S)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "wait_s": {"type": "int", "default": 30},
            "token": {"type": "str", "default": "", "no_log": False},
            "anyone": {"type": "bool", "default": False},
            "path": {"type": "path", "default": "/run/hotpath/play.lock"},
        },
        supports_check_mode=True,
    )
    token = module.params["token"]
    holder = wait_for(module.params["path"], token, module.params["wait_s"], module.params["anyone"])
    module.exit_json(changed=False, held=bool(token) and holder.get("token") == token, holder=holder)


if __name__ == "__main__":
    main()
