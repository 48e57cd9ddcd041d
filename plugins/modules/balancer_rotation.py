"""Ansible module: who is in rotation at a balancer (runs on the host's Python 3.6)."""

DOCUMENTATION = r"""
module: balancer_rotation
short_description: Take a host out of a balancer's rotation, put it back, or tell who is in
description:
  - Runs on a balancer, and speaks to its HAProxy while that runs. A host that is taken out gets nothing more, and the
    module waits until it has answered what it had. One that is put back is waited for until HAProxy sends it requests.
  - A host may be out for several purposes at once, each with its reason, and is in rotation again when the last of
    them is gone. The reasons lie in a file on the balancer, which also brings a HAProxy that was started anew to them.
  - What is asked for is compared with what HAProxy does and with the file, so what a killed play left is finished.
  - A balancer that does not know the host leaves it as it is, and says so by C(known). One that has no HAProxy yet
    knows none.
options:
  host:
    description: The name of the host at the balancer; empty to tell of all.
    type: str
    default: ""
  state:
    description: >-
      What is wanted: C(out) or C(in) of rotation for the purpose, C(told) to change nothing.
    type: str
    choices: [told, out, in]
    default: told
  purpose:
    description: >-
      What the host is out for. C(in) without one puts the host back whatever it is out for, but for C(standby).
    type: str
    default: ""
  why:
    description: The reason, in words.
    type: str
    default: ""
  by:
    description: Who takes it out.
    type: str
    default: ""
  at_most:
    description: The share of the hosts that may be out of rotation at once, at least one; spares don't count.
    type: float
    default: 1.0
  at_least:
    description: How many other hosts must be in rotation when this one is taken out.
    type: int
    default: 0
  turn_s:
    description: Seconds to wait until so few are out that this one may go.
    type: float
    default: 0
  drain_s:
    description: Seconds to wait for the last answer of a host that was taken out; 0 to take it out and not wait.
    type: float
    default: 60
  ready_s:
    description: Seconds to wait until a host that was put back gets requests; 0 not to wait.
    type: float
    default: 60
  weight:
    description: How much the host counts, 1 to 256; 0 leaves it as it is.
    type: int
    default: 0
  config:
    description: The balancer's configuration.
    type: path
    default: /etc/hotpath/balancer.cfg
author: [Hotpath]
"""

EXAMPLES = r"""
- name: Take a host out at a balancer, when two thirds of the others are in
  balancer_rotation:
    host: gpu-a
    state: out
    purpose: maintenance
    why: a fan is replaced
    at_most: 0.34
"""

RETURN = r"""
hosts:
  description: >-
    What the balancer knows of each host, by its name, when the module ended: address, state (in, out, down), why,
    since_s, weight, sessions, queued and reasons by purpose.
  type: dict
  returned: always
known:
  description: Whether the balancer knows the host.
  type: bool
  returned: always
words:
  description: What was done and what stays, a sentence each; in check mode what would be done.
  type: list
  elements: str
  returned: always
"""

import os
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.haproxy_runtime import Failure
from ansible.module_utils.rotation import Rotation
from ansible.module_utils.rotation_change import Change


def bring(rotation: Rotation, asked: Dict[str, Any], foretell: bool) -> Dict[str, Any]:
    """Do what is asked for; the module's answer. Raises Failure where it can't be done."""
    change = Change(rotation, asked, foretell)
    known = asked["host"] in [one.name for one in rotation.fleet()]
    if known:
        if asked["weight"]:
            change.weigh()
        if asked["state"] == "out":
            change.out()
        elif asked["state"] == "in":
            change.back()
    hosts = {one.name: dict(one._asdict()) for one in rotation.fleet()}
    return {"changed": change.changed, "words": change.words, "known": known, "hosts": hosts}


def main() -> None:
    spec: Dict[str, Any] = {name: {"type": "str", "default": ""} for name in ("host", "purpose", "why", "by")}
    spec["state"] = {"type": "str", "choices": ["told", "out", "in"], "default": "told"}
    spec["at_most"] = {"type": "float", "default": 1.0}
    spec["at_least"] = {"type": "int", "default": 0}
    spec.update({name: {"type": "float", "default": 60} for name in ("drain_s", "ready_s")})
    spec["turn_s"] = {"type": "float", "default": 0}
    spec["weight"] = {"type": "int", "default": 0}
    spec["config"] = {"type": "path", "default": "/etc/hotpath/balancer.cfg"}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    asked = module.params
    if asked["state"] == "out" and not asked["purpose"]:
        module.fail_json(msg="state out needs a purpose, by which the host is put back")
    if not 0 <= asked["at_most"] <= 1:
        module.fail_json(msg="at_most is %g: name a share of the hosts, from 0 to 1" % asked["at_most"])
    if not 0 <= asked["weight"] <= 256:
        module.fail_json(msg="weight is %d: name a number from 1 to 256" % asked["weight"])
    if not os.path.exists(asked["config"]):
        module.exit_json(changed=False, hosts={}, known=False, words=["HAProxy is not configured here yet"])
    try:
        module.exit_json(**bring(Rotation(asked["config"]), asked, module.check_mode))
    except (Failure, OSError, ValueError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
