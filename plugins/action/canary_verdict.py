"""Judge a canary by what balancers and hosts told since the last look, and show how it stands."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

# Ansible loads each plugin file by itself, so what they share is not on the path.
sys.path.append(str(Path(__file__).resolve().parents[1] / "lib"))

DOCUMENTATION = r"""
options:
  canary:
    description: The host that is judged.
    type: str
    required: true
  plan:
    description: What of hotpath_rollout.watch.Plan is to be otherwise.
    type: dict
    default: {}
  seen:
    description: What the last look returned as C(seen); empty at the first.
    type: dict
    required: true
  answered:
    description: What balancer_canary returned for each balancer, with C(item).
    type: list
    elements: dict
    required: true
  pulses:
    description: What service_pulse returned for each host, with C(item).
    type: list
    elements: dict
    required: true
"""

LOOK_S = 2
LATER = 0.1  # of the time that has passed: at a canary that few requests come to is looked ever more rarely


class ActionModule(ActionBase):  # type: ignore[misc]
    """Answer `kind` (open, good, bad, hold), the `figure` that decides or is missing, `seen`, and the `pause` in it."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        # scipy takes a second to import, and only a rollout needs it.
        from hotpath_rollout.course import Course
        from hotpath_rollout.watch import Plan, Watch

        result: dict[str, Any] = super().run(tmp, task_vars)
        required = {"required": True}
        _, args = self.validate_argument_spec(
            {
                "canary": {"type": "str", **required},
                "plan": {"type": "dict", "default": {}},
                "seen": {"type": "dict", **required},
                "answered": {"type": "list", "elements": "dict", **required},
                "pulses": {"type": "list", "elements": "dict", **required},
            }
        )
        document = {key: value for key, value in args["seen"].items() if key != "pause"}
        course = Course.read(args["canary"], document, time.time() - LOOK_S)
        for told in args["answered"]:
            course.answered(told["item"], told)
        course.felt(args["pulses"])
        plan = Plan.of(args["plan"])
        watch, seconds = Watch(plan, course.looks), time.time() - course.begun
        verdict = watch.look(seconds, course.evidence())
        course.looks = watch.looks
        Display().display(f"  {args['canary']}, {seconds:.0f} s: {verdict.kind.value}: {verdict.figure}")
        seen = {**course.document(), "pause": max(LOOK_S, round(LATER * seconds))}
        return {**result, "changed": False, "kind": verdict.kind.value, "figure": verdict.figure, "seen": seen}
