"""Carry out decisions: a word to the balancers, and around it the operator's commands for hosts of colder tiers."""

from typing import Callable, Dict, List, NamedTuple, Sequence

from autoscaler import Failure
from autoscaler.commands import run
from autoscaler.policy import Decision, Host, State
from autoscaler.rotation import Rotation

PATIENCE_S = 30.0


class Tier(NamedTuple):
    """How hosts of a tier are woken and put to sleep: commands that begin it and return; the host's name is added."""

    wake: Sequence[str]
    sleep: Sequence[str]


class Hands:
    """What acts. With `dry` it only says what it would do; `say` takes such words."""

    def __init__(self, rotation: Rotation, tiers: Sequence[Tier], say: Callable[[str], None], dry: bool) -> None:
        self._rotation, self._tiers, self._say, self._dry = rotation, tiers, say, dry
        self._coming: Dict[str, Host] = {}  # woken, and to join as soon as they are ready

    def carry_out(self, decision: Decision, hosts: Sequence[Host], ready: Callable[[str], bool]) -> None:
        """One look's work. Raises Failure with all that could not be done."""
        known = {host.name: host for host in hosts}
        failures: List[str] = []
        for name in decision.join:
            self._coming[name] = known[name]
            if known[name].tier:
                self._try(failures, "wake", name, self._tiers[known[name].tier].wake)
        for name in decision.leave:
            self._try(failures, "take out of rotation", name)
        for name in list(self._coming):
            state = known[name].state if name in known else State.LOST
            if state in (State.SERVING, State.HELD):
                del self._coming[name]
            elif ready(name):
                self._try(failures, "put into rotation", name)
        for host in hosts:
            # Asked of the host itself, so that one which a former run woke for nothing goes to sleep too.
            idle = host.state is State.STANDBY and host.name not in self._coming and ready(host.name)
            if idle and self._tiers[host.tier].sleep:
                self._try(failures, "send to sleep", host.name, self._tiers[host.tier].sleep)
        if failures:
            raise Failure("; ".join(failures))

    def give_up(self, names: Sequence[str]) -> None:
        """Hosts that did not come in time."""
        for name in names:
            self._coming.pop(name, None)

    def _try(self, failures: List[str], what: str, name: str, command: Sequence[str] = ()) -> None:
        self._say("%s%s: %s" % ("would " if self._dry else "", what, name))
        if self._dry:
            return
        try:
            if what == "put into rotation":
                self._rotation.join(name)
            elif what == "take out of rotation":
                self._rotation.leave(name)
            else:
                self._run(command, name)
        except Failure as error:
            failures.append("can't %s %s: %s" % (what, name, error))

    def _run(self, command: Sequence[str], name: str) -> None:
        done = run([*command, name], PATIENCE_S)
        if done.returncode:
            raise Failure(
                "%s ended with %d: %s" % (command[0], done.returncode, (done.stdout + done.stderr).strip()[-300:])
            )
