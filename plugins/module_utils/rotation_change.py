"""One host at one balancer, brought into rotation or out of it. Runs on the host's Python 3.6."""

import time
from typing import Any, Callable, Dict, List

from ansible.module_utils.haproxy_runtime import Failure, until
from ansible.module_utils.rotation import IN, OUT, Rotation, Standing, objection
from ansible.module_utils.rotation_record import STANDBY, told

BY_HAND = "hand"  # the purpose of what somebody took out at the balancer itself


class Change:
    """What the module balancer_rotation was asked for, by its options; with `foretell` nothing is changed."""

    def __init__(self, rotation: Rotation, asked: Dict[str, Any], foretell: bool) -> None:
        self._rotation, self._asked, self._foretell = rotation, asked, foretell
        self._name = str(asked["host"])
        self.words: List[str] = []
        self.changed = False

    def out(self) -> None:
        """Out of rotation and done with its last answer. Raises Failure when it may not leave, or takes too long."""
        refused = [""]

        def left() -> bool:
            with self._rotation.alone():
                fleet, asked = self._rotation.fleet(), self._asked
                refused[0] = objection(fleet, self._name, asked["at_most"], asked["at_least"])
                if not refused[0]:
                    self._leave()
            return not refused[0]

        if not until(left, self._asked["turn_s"]):
            raise Failure("%s. Put one of them back (playbooks/undrain.yml), or allow more to be out" % refused[0])
        if not self._foretell and self._asked["drain_s"]:
            self._answered()

    def back(self) -> None:
        """In rotation and asked again, unless it is out for other purposes. Raises Failure when it gets no requests."""
        with self._rotation.alone():
            at, before = self._standing(), self._rotation.record()
            purposes = [self._asked["purpose"]] if self._asked["purpose"] else [p for p in at.reasons if p != STANDBY]
            after = before.without(self._name, purposes)
            left = after.reasons(self._name)
            if left:
                self.words.append("%s stays out of rotation: %s" % (self._name, told(left)))
                if at.reasons != left:
                    self._do(lambda: self._rotation.note(after))
            # A host that is no standby host any more has no reason left, and is still out.
            elif at.reasons or (at.state == OUT and self._asked["purpose"] in ("", STANDBY)):
                self.words.append("%s is put back into rotation" % self._name)
                self._do(lambda: self._rotation.put_in(self._name, after))
        if not left and self._asked["ready_s"] and not self._foretell:
            self._asked_again()

    def weigh(self) -> None:
        """Count for as much as is asked for."""
        weight = self._asked["weight"]
        if self._standing().weight != weight:
            self.words.append("%s has weight %d" % (self._name, weight))
            self._do(lambda: self._rotation.weigh(self._name, weight))

    def _leave(self) -> None:
        at, purpose = self._standing(), self._asked["purpose"]
        if at.state == OUT and purpose in at.reasons and not self._rotation.runtime.share(self._name):
            return
        record, now = self._rotation.record(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if at.state == OUT and not at.reasons:  # so that it stays out when this purpose is gone
            record = record.with_reason(self._name, BY_HAND, {"why": "taken out at the balancer", "by": "", "at": now})
        reason = {"why": self._asked["why"], "by": self._asked["by"], "at": now}
        record = record.with_reason(self._name, purpose, reason)
        self.words.append("%s is taken out of rotation" % self._name)
        self._do(lambda: self._rotation.take_out(self._name, record))

    def _do(self, act: Callable[[], None]) -> None:
        self.changed = True
        if not self._foretell:
            act()

    def _answered(self) -> None:
        runtime, patience_s = self._rotation.runtime, self._asked["drain_s"]
        left = [0]

        def none_left() -> bool:
            left[0] = runtime.requests(self._name)
            return not left[0]

        if not until(none_left, patience_s):
            raise Failure(
                "%s still has %d requests %g s after it was taken out; allow it more time to end them"
                % (self._name, left[0], patience_s)
            )

    def _asked_again(self) -> None:
        patience_s = self._asked["ready_s"]
        if not until(lambda: self._standing().state == IN, patience_s):
            raise Failure(
                "%s may have requests again and gets none after %g s: %s. It gets some as soon as it is ready; "
                "`systemctl status hotpath` there says more" % (self._name, patience_s, self._standing().why)
            )

    def _standing(self) -> Standing:
        (found,) = [one for one in self._rotation.fleet() if one.name == self._name]
        return found
