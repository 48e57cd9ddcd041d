"""Why hosts are out of rotation, in a file of the balancer. Python 3.6; balancers have it beside their own program.

A host may be out for several purposes at once, and is in rotation again when the last of them is gone: a deployment
that ends does not put back what is out for maintenance. HAProxy says who is in rotation; the file keeps why, and a
HAProxy that was started anew is brought to it.
"""

import fcntl
import json
import os
import re
from contextlib import contextmanager
from typing import Any, Dict, FrozenSet, Iterable, Iterator, Mapping

STANDBY = "standby"  # a spare: provisioned, and not in rotation before it is asked for
NAME = "rotation.json"
Reason = Dict[str, str]  # why, by, at
Reasons = Dict[str, Reason]  # by purpose
UNASKED = {STANDBY: {"why": "a standby host that nobody asked for yet", "by": "the inventory", "at": ""}}


def path_of(state: str) -> str:
    """The file, beside HAProxy's own file of its servers' states."""
    return os.path.join(os.path.dirname(state), NAME)


def standby_hosts(text: str) -> FrozenSet[str]:
    """The hosts that a configuration says stand by, in a comment of it."""
    return frozenset(name for line in re.findall(r"^ +# standby: (.*)$", text, re.MULTILINE) for name in line.split())


@contextmanager
def alone(path: str) -> Iterator[None]:
    """Nobody else changes the record at `path` meanwhile, nor who is in rotation."""
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def told(reasons: Reasons) -> str:
    """Reasons in words."""
    found = sorted(reasons.items())
    return "; ".join(
        "%s: %s (%s)" % (purpose, of["why"], ", ".join(filter(None, (of["by"], of["at"])))) for purpose, of in found
    )


class Record:
    """Reasons by host. One that was never spoken of is out when it stands by, and in rotation otherwise."""

    def __init__(self, said: Mapping[str, Reasons], standby: Iterable[str] = ()) -> None:
        self._said = dict(said)
        self._standby = frozenset(standby)

    @classmethod
    def read(cls, path: str, standby: Iterable[str] = ()) -> "Record":
        """Raises ValueError, naming the file, where it is not what `text` wrote."""
        if not os.path.exists(path):
            return cls({}, standby)
        with open(path, encoding="utf-8") as stream:
            try:
                said = json.load(stream)
                return cls({host: {p: dict(why) for p, why in of.items()} for host, of in said.items()}, standby)
            except (ValueError, AttributeError, TypeError) as error:
                raise ValueError(
                    "%s can't be read (%s): remove it, which puts every host into rotation whose HAProxy does not say "
                    "otherwise, and take out again what is to stay out" % (path, error)
                ) from error

    def reasons(self, host: str) -> Reasons:
        """Why it is out; empty for one that is to be in rotation."""
        return self._said.get(host, UNASKED if host in self._standby else {})

    def with_reason(self, host: str, purpose: str, reason: Reason) -> "Record":
        """The host is out for this purpose too; one that was given before stays as it is."""
        return Record({**self._said, host: {purpose: reason, **self.reasons(host)}}, self._standby)

    def without(self, host: str, purposes: Iterable[str]) -> "Record":
        """The host is no longer out for these purposes."""
        left = {purpose: reason for purpose, reason in self.reasons(host).items() if purpose not in frozenset(purposes)}
        return Record({**self._said, host: left}, self._standby)

    def only(self, hosts: Iterable[str]) -> "Record":
        """Without the hosts that there are no more."""
        known = frozenset(hosts)
        return Record({host: reasons for host, reasons in self._said.items() if host in known}, self._standby)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Record) and self._said == other._said

    def text(self) -> str:
        """What the file holds."""
        return json.dumps(self._said, indent=1, sort_keys=True)
