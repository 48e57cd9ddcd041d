#!/usr/libexec/platform-python
"""All that the autoscaler's key can say to a balancer: who is in rotation, and have a spare host join or leave.

The words come from ssh as one argument: `state`, `join NAME` or `leave NAME`. The answer is JSON; what is refused is
said on standard error, with exit code 1. Python 3.6.
"""

import fcntl
import json
import os
import sys
from typing import Any, Dict

# Beside this program lies what the module balancer_rotation is made of, under the names that it has there.
from ansible.module_utils.haproxy_runtime import Failure
from ansible.module_utils.rotation import OUT, Rotation
from ansible.module_utils.rotation_change import Change
from ansible.module_utils.rotation_record import STANDBY

ROOT = os.environ.get("HOTPATH_ROOT", "/")  # sudo passes on no variable
CONFIG = os.path.join(ROOT, "etc/hotpath/balancer.cfg")
PLAY_LOCK = os.path.join(ROOT, "run/hotpath/play.lock")
BY = "the autoscaler"
JOIN_S = 10.0  # until HAProxy sends it requests
ASKED = {"purpose": STANDBY, "why": "the load does not need it", "by": BY, "at_most": 1.0, "at_least": 0, "turn_s": 0}
READY = ("", "L4OK", "L7OK")


def state(rotation: Rotation) -> Dict[str, Any]:
    """Every host: its state, why, requests, reasons by purpose, whether it is a spare and whether it is ready."""
    table = rotation.runtime.table()
    hosts = {
        one.name: {
            "state": one.state,
            "why": one.why,
            "sessions": one.sessions,
            "reasons": one.reasons if one.state == OUT else {},
            "standby": one.name in rotation.spares,
            "ready": table[one.name]["check_status"].lstrip("* ") in READY,
        }
        for one in rotation.fleet()
    }
    return {"hosts": hosts, "held": held()}


def held() -> str:
    """Why nobody else may change anything now; empty where one may."""
    if not os.path.exists(PLAY_LOCK):
        return ""
    with open(PLAY_LOCK) as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return "a play is at work on the balancer %s" % os.uname().nodename
    return ""


def change(rotation: Rotation, verb: str, name: str) -> Dict[str, Any]:
    """Have a spare host join or leave. Raises Failure where it is none, or somebody else is at work."""
    if name not in rotation.spares:
        raise Failure("%s is no spare host here (group standby_hosts): only those join and leave by the load" % name)
    busy = held()
    if busy:
        raise Failure(busy)
    done = Change(rotation, {**ASKED, "host": name, "drain_s": 0, "ready_s": JOIN_S}, foretell=False)
    if verb == "join":
        done.back()
    else:
        done.out()
    return {"words": done.words, "changed": done.changed}


def main(words: str) -> int:
    verb, _, name = words.strip().partition(" ")
    try:
        rotation = Rotation(CONFIG)
        if verb == "state" and not name:
            answer = state(rotation)
        elif verb in ("join", "leave"):
            answer = change(rotation, verb, name)
        else:
            raise Failure("%.40r is not understood here: say state, join NAME or leave NAME" % words)
    except (Failure, OSError, ValueError) as error:
        sys.stderr.write("%s\n" % error)
        return 1
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
