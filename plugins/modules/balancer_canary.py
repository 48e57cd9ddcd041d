#!/usr/bin/python
"""Ansible module: a canary's share of a balancer's requests, and what became of them (Python 3.6)."""

DOCUMENTATION = r"""
module: balancer_canary
short_description: Give one host a share of a balancer's requests, and tell what each host made of those it had
description:
  - Runs on a balancer, and speaks to its HAProxy while that runs. A canary gets its share by lot and nothing besides;
    every other host gets what it would get anyway. The lot does not ask whether the host is in rotation, so a host that
    is taken out loses its share.
  - Requests are read from the ring that HAProxy keeps in memory, failures that it hid from its counters.
options:
  host:
    description: The canary, by the name that the balancer knows.
    type: str
    required: true
  share:
    description: Of a hundred requests, how many; 0 ends the canary, the host then counts as the others do.
    type: int
  since:
    description: The balancer's time from which on requests are told, in seconds; 0 tells none.
    type: float
    default: 0
  config:
    description: The balancer's configuration.
    type: path
    default: /etc/hotpath/balancer.cfg
author: [Hotpath]
"""

EXAMPLES = r"""
- name: Let a host answer a tenth of the requests
  balancer_canary:
    host: gpu-a
    share: 10
"""

RETURN = r"""
now:
  description: The balancer's time, from which the next call may go on.
  type: float
  returned: always
requests:
  description: Of each host the number of its answers by status, and of those with 200 by whole milliseconds.
  type: dict
  returned: always
hidden:
  description: How often each host failed since HAProxy was started where another one answered instead.
  type: dict
  returned: always
status:
  description: What HAProxy says of each host.
  type: dict
  returned: always
share:
  description: Of a hundred requests, how many the canary gets now; 0 where there is none.
  type: int
  returned: always
"""

import re
import time
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.haproxy_runtime import BACKEND, Failure, Runtime, keep, setting

# HAProxy's httplog: [begin] frontend backend/host TR/Tw/Tc/Tr/Ta status; milliseconds, -1 where it never came to it.
LINE = re.compile(r"\[([^\]]+)\.(\d{3})\] \S+ %s/(\S+) -?\d+/-?\d+/-?\d+/(-?\d+)/\+?(\d+) (-?\d+) " % BACKEND, re.ASCII)
BEGIN = "%d/%b/%Y:%H:%M:%S"  # in the balancer's own zone


def answered(log: str, since: float, until: float) -> Dict[str, Dict[str, Dict[str, int]]]:
    """What each host answered in that time, by the moments at which the answers ended."""
    hosts = {}  # type: Dict[str, Dict[str, Dict[str, int]]]
    seconds = {}  # type: Dict[str, float]
    for begin, thousandths, host, answer, whole, status in LINE.findall(log):
        if begin not in seconds:
            seconds[begin] = time.mktime(time.strptime(begin, BEGIN))
        if not since <= seconds[begin] + (int(thousandths) + int(whole)) / 1000 < until:
            continue
        found = hosts.setdefault(host, {"statuses": {}, "milliseconds": {}})
        found["statuses"][status] = found["statuses"].get(status, 0) + 1
        if status == "200":
            found["milliseconds"][answer] = found["milliseconds"].get(answer, 0) + 1
    return hosts


def give(runtime: Runtime, host: str, share: int) -> bool:
    """Give the host its share, or end that; whether anything was otherwise."""
    before: int = runtime.share(host)
    if share:
        # The lot comes first, so that a canary that weighs nothing is never one that gets nothing.
        runtime.variable("canary", "str(%s)" % host)
        runtime.variable("canary_share", "int(%d)" % share)
        runtime.listen(host, False)
        runtime.order("set server %s/%s weight 0%%" % (BACKEND, host))
    else:
        runtime.order("set server %s/%s weight 100%%" % (BACKEND, host))
        runtime.listen(host, True)
        if before:
            runtime.variable("canary_share", "int(0)")
    return before != share


def main() -> None:
    spec: Dict[str, Any] = {
        "host": {"type": "str", "required": True},
        "share": {"type": "int"},
        "since": {"type": "float", "default": 0},
        "config": {"type": "path", "default": "/etc/hotpath/balancer.cfg"},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    asked = module.params
    try:
        with open(asked["config"], encoding="utf-8") as stream:
            text = stream.read()
        runtime = Runtime(setting("stats socket", text))
        if asked["host"] not in runtime.table():
            module.exit_json(changed=False, known=False)
        changed = False
        if asked["share"] is not None and not module.check_mode:
            changed = give(runtime, asked["host"], asked["share"])
            # What a HAProxy that is started anew begins with: weights are in it, and a share is not.
            keep(setting("server-state-file", text), runtime.ask("show servers state"))
        now = time.time()
        table = runtime.table()
        module.exit_json(
            changed=changed,
            known=True,
            now=now,
            share=runtime.share(asked["host"]),
            requests=answered(runtime.ask("show events requests"), asked["since"], now) if asked["since"] else {},
            hidden={name: int(row["wretr"] or 0) + int(row["wredis"] or 0) for name, row in table.items()},
            status={name: row["status"] for name, row in table.items()},
        )
    except (Failure, OSError, ValueError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
