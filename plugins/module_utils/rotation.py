"""Who is in rotation at one balancer, who may leave it, and the steps in and out. Runs on the host's Python 3.6."""

from typing import ContextManager, Dict, List, NamedTuple

from ansible.module_utils.haproxy_runtime import DRAINED, MAINTAINED, Runtime, count, keep, setting
from ansible.module_utils.rotation_record import STANDBY, Reasons, Record, alone, path_of, standby_hosts, told

IN, OUT, DOWN = "in", "out", "down"


class Standing(NamedTuple):
    """What a balancer knows of one host: in rotation, taken out of it, or left out because it is not ready."""

    name: str
    address: str
    state: str
    why: str
    since_s: int
    weight: int
    sessions: int  # requests that it has now
    queued: int  # requests that wait for it alone
    reasons: Reasons

    @property
    def spare(self) -> bool:
        return STANDBY in self.reasons


def standing(name: str, row: Dict[str, str], admin: int, reasons: Reasons) -> Standing:
    """Read one host's row of `show stat` and its bits of `show servers state`."""
    ill = "not ready: %s" % " ".join(filter(None, (row.get("check_status", "").lstrip("* "), row.get("last_chk", ""))))
    if admin & (DRAINED | MAINTAINED):
        state, why = OUT, told(reasons) or "taken out at the balancer, no reason is recorded"
        why += "; " + ill if row["status"].startswith("DOWN") else ""
    elif row["status"].startswith("UP") or row["status"] == "no check":
        state, why = IN, "is to be out, and is not yet: " + told(reasons) if reasons else ""
    else:
        state, why = DOWN, ill
    numbers = [int(row.get(key) or 0) for key in ("lastchg", "weight", "scur", "qcur")]
    return Standing(name, row["addr"], state, why, numbers[0], numbers[1], numbers[2], numbers[3], reasons)


def objection(fleet: List[Standing], name: str, at_most: float, at_least: int = 0) -> str:
    """Why a host may not be taken out now; empty when it may.

    `at_most` is the share of the hosts that may be out of rotation, for whatever reason; one always may. Spares do not
    count. `at_least` is how many others must be in rotation.
    """
    (asked,) = [one for one in fleet if one.name == name]
    if asked.state != IN or asked.spare:
        return ""  # nobody loses by it
    hosts = [one for one in fleet if not one.spare]
    out = [one for one in hosts if one.state != IN]
    allowed = max(1, int(at_most * len(hosts) + 1e-9))
    others = len(hosts) - len(out) - 1
    if len(out) < allowed and others >= at_least:
        return ""
    if len(out) < allowed:
        bound = "at least %d others must stay in rotation, and %d would" % (at_least, others)
    else:
        bound = "of %d hosts %d may be out at once, a share of %g" % (len(hosts), allowed, at_most)
    missing = "; ".join("%s (%s)" % (one.name, one.why) for one in out) or "nobody"
    return "%s can't be taken out of rotation: %s. Out now: %s" % (name, bound, missing)


class Rotation:
    """One balancer's rotation: HAProxy, and the record of why. Methods raise Failure where HAProxy can't be asked."""

    def __init__(self, config: str) -> None:
        with open(config, encoding="utf-8") as stream:
            text = stream.read()
        self._state = setting("server-state-file", text)
        self.spares = standby_hosts(text)  # that the configuration names
        self.runtime = Runtime(setting("stats socket", text))

    def alone(self) -> ContextManager[None]:
        """Two plays can't both take the last turn."""
        lock: ContextManager[None] = alone(path_of(self._state))
        return lock

    def record(self) -> Record:
        return Record.read(path_of(self._state), self.spares)

    def fleet(self) -> List[Standing]:
        """Every host that HAProxy knows, by name."""
        tables, admin, record = self.runtime.tables(), self.runtime.admin(), self.record()
        return [
            standing(name, row, admin.get(name, 0), record.reasons(name))._replace(
                sessions=count(tables, name, "scur"), queued=count(tables, name, "qcur")
            )
            for name, row in sorted(tables[0].items())
        ]

    def take_out(self, name: str, record: Record) -> None:
        """The record comes first: where this ends in between, it says what is still to be done."""
        keep(path_of(self._state), record.text())
        self.runtime.drain(name)
        self._saved()

    def put_in(self, name: str, record: Record) -> None:
        self.runtime.ready(name)
        self._saved()
        keep(path_of(self._state), record.text())

    def note(self, record: Record) -> None:
        """Keep other reasons for what stays as it is."""
        keep(path_of(self._state), record.text())

    def weigh(self, name: str, weight: int) -> None:
        self.runtime.weigh(name, weight)
        self._saved()

    def _saved(self) -> None:
        """What a HAProxy that is started anew begins with."""
        keep(self._state, self.runtime.ask("show servers state"))
