"""HAProxy asked and ordered while it runs, by its sockets. Python 3.6; balancers have it beside their own program."""

import csv
import os
import re
import socket
import tempfile
import time
from typing import Callable, Dict, List, NamedTuple, Optional

BACKEND = "gpu_hosts"
PATIENCE_S = 30.0  # for anything that HAProxy is to do
LOOK_S = 0.1
# Bits of srv_admin_state in `show servers state`: forced maintenance, forced drain.
MAINTAINED, DRAINED = 0x01, 0x08
CONFIGURED = 0x02  # of srv_agent_state: the host is asked for its weight, or could be
SUCCESS = ("New server registered", "Server deleted")


class Failure(Exception):
    """What was asked for can't be done; the message says why, and what to do."""


class Host(NamedTuple):
    address: str
    connections: str


def setting(key: str, text: str) -> str:
    """What a configuration says of a keyword that stands in it once."""
    found: List[str] = re.findall(r"^ +%s (\S+)" % key, text, re.MULTILINE)
    if len(found) != 1:
        raise Failure("%d lines %r stand in the configuration instead of one: run site.yml again" % (len(found), key))
    return found[0]


def count(tables: List[Dict[str, Dict[str, str]]], name: str, key: str) -> int:
    """A number of a host, all workers together."""
    return sum(int(table.get(name, {}).get(key) or 0) for table in tables)


class Runtime:
    """One worker, by a socket. All methods raise Failure where it can't be asked.

    `prefix` stands before each command: by it the master hands a command on to an earlier worker.
    """

    def __init__(self, path: str, prefix: str = "") -> None:
        self._path = path
        self._prefix = prefix

    def ask(self, command: str) -> str:
        """The answer to a command."""
        parts: List[bytes] = []
        try:
            with socket.socket(socket.AF_UNIX) as link:
                link.settimeout(PATIENCE_S)
                link.connect(self._path)
                link.sendall((self._prefix + command).encode() + b"\n")
                link.shutdown(socket.SHUT_WR)  # the master would wait for more
                while not parts or parts[-1]:
                    parts.append(link.recv(65536))
        except OSError as error:
            raise Failure(
                "HAProxy does not answer on %s (%s): `systemctl status hotpath-balancer` says why"
                % (self._path, error.strerror or error)
            ) from error
        return b"".join(parts).decode().strip()

    def order(self, command: str) -> None:
        """A command that is done when its answer is one of success, or none."""
        answer = self.ask(command)
        if answer and not answer.startswith(SUCCESS):
            raise Failure("HAProxy refuses %r: %s" % (command, answer))

    def info(self) -> Dict[str, str]:
        """Its version and description, among others."""
        return dict(line.split(": ", 1) for line in self.ask("show info").splitlines() if ": " in line)

    def hosts(self) -> Dict[str, Host]:
        """Every host that it knows, in rotation or not."""
        return {name: Host(row["addr"], row["slim"]) for name, row in self.table().items()}

    def requests(self, name: str) -> int:
        """How many requests a host has, and how many wait for it alone, those of earlier workers too."""
        return sum(count(self.tables(), name, key) for key in ("scur", "qcur"))

    def tables(self) -> List[Dict[str, Dict[str, str]]]:
        """The table of this worker, and those of earlier ones."""
        return [worker.table() for worker in [self] + self.earlier()]

    def table(self) -> Dict[str, Dict[str, str]]:
        """HAProxy's statistics of each host, by its name."""
        answer = self.ask("show stat %s 4 -1" % BACKEND)  # 4: its servers
        return {row["svname"]: row for row in csv.DictReader(answer.lstrip("# ").splitlines()) if row["svname"]}

    def admin(self) -> Dict[str, int]:
        """What operators and agents set of each host, as bits."""
        return {name: int(row["srv_admin_state"]) for name, row in self._servers().items()}

    def _servers(self) -> Dict[str, Dict[str, str]]:
        """HAProxy's own record of each host, by its name."""
        lines = self.ask("show servers state %s" % BACKEND).splitlines()
        rows = csv.DictReader((line.lstrip("# ") for line in lines if " " in line), delimiter=" ")
        return {row["srv_name"]: row for row in rows}

    def earlier(self) -> List["Runtime"]:
        """Workers that a reload replaced, and that still answer what they had."""
        master = os.path.join(os.path.dirname(self._path), "master.sock")
        if self._prefix or not os.path.exists(master):
            return []
        listed = Runtime(master).ask("show proc").partition("# old workers")[2].partition("#")[0]
        return [Runtime(master, "@!%s " % line.split()[0]) for line in listed.splitlines() if line.strip()]

    def share(self, name: str) -> int:
        """Of a hundred requests, how many a host gets by lot; 0 where this HAProxy draws none."""
        told = {}
        for key in ("canary", "canary_share"):
            found = re.search(r"<([^>]*)>\s*$", self.ask("experimental-mode on; get var proc.%s" % key))
            told[key] = found.group(1) if found else ""
        return int(told["canary_share"] or 0) if told["canary"] == name else 0

    def variable(self, name: str, value: str) -> None:
        """Set a variable that every request sees."""
        self.order("experimental-mode on; set var proc.%s %s" % (name, value))

    def drain(self, name: str) -> None:
        """Give a host nothing more, by lot neither; earlier workers still have requests that wait for one."""
        if self.share(name):
            self.variable("canary_share", "int(0)")
        command = "set server %s/%s state drain" % (BACKEND, name)
        self.order(command)
        for worker in self.earlier():
            worker.ask(command)

    def ready(self, name: str) -> None:
        """Let a host have requests again, from its next good health check on."""
        self.order("set server %s/%s state ready" % (BACKEND, name))

    def listen(self, name: str, wanted: bool) -> None:
        """Take a host's own word for its weight, where it is asked for one, or take it no more."""
        if int(self._servers()[name]["srv_agent_state"]) & CONFIGURED:
            self.order("%s agent %s/%s" % ("enable" if wanted else "disable", BACKEND, name))

    def weigh(self, name: str, weight: int) -> None:
        """Have a host count for more or less than others, 1 to 256."""
        self.order("set server %s/%s weight %d" % (BACKEND, name, weight))


def keep(path: str, text: str) -> None:
    """Write a file whole or not at all, for the user whom its folder belongs to."""
    folder = os.path.dirname(path)
    owner = os.stat(folder)
    descriptor, temporary = tempfile.mkstemp(dir=folder)
    with os.fdopen(descriptor, "w") as stream:
        if os.geteuid() != owner.st_uid:  # the unit itself may not even ask
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        stream.write(text + "\n")
        stream.flush()
        os.fsync(descriptor)
    os.replace(temporary, path)


def until(true: Callable[[], bool], patience_s: Optional[float] = None) -> bool:
    """Wait until it is true, for so long at most (PATIENCE_S); whether it became so."""
    end = time.monotonic() + (PATIENCE_S if patience_s is None else patience_s)
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_S)
    return True
