"""Ask the balancers who is in rotation, and have spare hosts join or leave.

A balancer is reached by a command, to which its address and the words `state`, `join NAME` or `leave NAME` are added;
it prints JSON. With the role it is ssh with a key that can say nothing else.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence

from autoscaler import Failure
from autoscaler.commands import run
from autoscaler.policy import State

PATIENCE_S = 20.0
FIRST = (State.HELD, State.SERVING, State.LEAVING, State.STANDBY, State.LOST)  # the word of which balancer counts
SPARE = "standby"  # the purpose that a spare host is out of rotation for


class Seen(NamedTuple):
    """A host at the balancers."""

    state: State
    spare: bool
    ready: bool  # its service says that it would answer
    why: str


class Look(NamedTuple):
    """All hosts; `held` says why nobody may change the rotation now, such as a play at work, and is empty otherwise."""

    hosts: Dict[str, Seen]
    held: str


class Refusal(Failure):
    """A balancer was reached, and does not do it."""


class Rotation:
    """The balancers, each by its name and address, and the command that reaches one."""

    def __init__(self, command: Sequence[str], balancers: Mapping[str, str]) -> None:
        self._command, self._balancers = command, balancers
        self._silent: List[str] = []

    def look(self) -> Look:
        """Every host: held back where one balancer says so, serving where one sends it requests. Raises Failure where
        no balancer answers.
        """
        seen: Dict[str, Seen] = {}
        answers = self._all("state").values()
        for told in answers:
            for name, row in told["hosts"].items():
                seen[name] = min(filter(None, (seen.get(name), _seen(row))), key=lambda one: FIRST.index(one.state))
        return Look(seen, "; ".join(sorted({told["held"] for told in answers if told.get("held")})))

    def join(self, name: str) -> None:
        """Bring a spare host into rotation at every balancer that answers. Raises Failure where one refuses."""
        self._all("join", name)

    def leave(self, name: str) -> None:
        """Take a spare host out of rotation at every balancer that answers."""
        self._all("leave", name)

    def _all(self, *words: str) -> Dict[str, Dict[str, Any]]:
        with ThreadPoolExecutor(max(1, len(self._balancers))) as pool:
            asked = {name: pool.submit(self._ask, name, words) for name in self._balancers}
        answers: Dict[str, Dict[str, Any]] = {}
        refused, silent = [], []
        for name, one in asked.items():
            try:
                answers[name] = one.result()
            except Refusal as error:
                refused.append(str(error))
            except Failure as error:
                silent.append(str(error))
        if silent != self._silent:  # said when it begins, and not at every look
            print("; ".join(silent) or "every balancer answers again", file=sys.stderr, flush=True)
            self._silent = silent
        if refused or not answers:
            raise Failure("; ".join(refused or silent) or "no balancer is named")
        return answers

    def _ask(self, balancer: str, words: Sequence[str]) -> Dict[str, Any]:
        """One balancer's answer. Raises Refusal where it was reached and does not do it, Failure otherwise."""
        try:
            done = run([*self._command, self._balancers[balancer], *words], PATIENCE_S)
        except Failure as error:
            raise Failure("the balancer %s does not answer: %s" % (balancer, error)) from error
        if done.returncode == 255:  # ssh's own
            raise Failure("the balancer %s can't be reached: %s" % (balancer, done.stderr.strip()[-200:]))
        if done.returncode:
            raise Refusal("the balancer %s refuses %r: %s" % (balancer, " ".join(words), done.stderr.strip()[-300:]))
        try:
            answer: Dict[str, Any] = json.loads(done.stdout)
        except ValueError as error:
            raise Failure("the balancer %s says what is no JSON: %s" % (balancer, done.stdout[:200])) from error
        return answer


def _seen(row: Mapping[str, Any]) -> Seen:
    """A host by its row: in, out for purposes, or down."""
    reasons, spare = row["reasons"], bool(row["standby"])
    if row["state"] == "in":
        state = State.SERVING
    elif row["state"] == "down":
        state = State.LOST
    elif set(reasons) != {SPARE}:
        state = State.HELD
    else:
        state = State.LEAVING if row["sessions"] else State.STANDBY
    return Seen(state, spare, bool(row["ready"]), str(row.get("why", "")))
