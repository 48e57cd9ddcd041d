#!/usr/libexec/platform-python
"""Bring a running HAProxy to what its configuration file says, with the least disturbance that does it (Python 3.6).

Hosts are added and removed while HAProxy runs. Everything else is taken in by new workers, to which the old ones hand
their sockets; what a worker knows of its hosts (drained, up, down) is handed on in a file.
"""

import argparse
import csv
import os
import re
import signal
import socket
import sys
import tempfile
import time
from typing import Callable, Dict, List, NamedTuple

CONFIG = "etc/hotpath/balancer.cfg"
HAPROXY = "opt/hotpath/haproxy/current"
BACKEND = "gpu_hosts"
SERVER = re.compile(r"^ +server (\S+) (\S+) maxconn (\d+) (.*)$", re.MULTILINE)
PATIENCE_S = 30.0  # for anything that HAProxy is to do
LOOK_S = 0.1


class Host(NamedTuple):
    address: str
    connections: str


class Failure(Exception):
    """What was asked for can't be done; the message says why, and what to do."""


class Wanted:
    """What the configuration file says."""

    def __init__(self, text: str) -> None:
        found = SERVER.findall(text)
        self.hosts = {name: Host(resolved(address), connections) for name, address, connections, _ in found}
        self.options = {name: options for name, _, _, options in found}
        self.digest = _only("description", text)
        self.socket = _only("stats socket", text)
        self.state = _only("server-state-file", text)


def resolved(place: str) -> str:
    """An address with its port as HAProxy tells it: a name's own, IPv6 in brackets."""
    host, _, port = place.rpartition(":")
    try:
        address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0][4][0]
    except OSError as error:
        raise Failure("%s can't be resolved (%s): name an address in the inventory" % (host, error)) from error
    return ("[%s]:%s" if ":" in str(address) else "%s:%s") % (address, port)


def _only(key: str, text: str) -> str:
    found: List[str] = re.findall(r"^ +%s (\S+)" % key, text, re.MULTILINE)
    if len(found) != 1:
        raise Failure("%d lines %r stand in the configuration instead of one: run site.yml again" % (len(found), key))
    return found[0]


class Running:
    """The worker that takes new connections, by its socket. All methods raise Failure where it can't be asked."""

    def __init__(self, path: str) -> None:
        self._path = path

    def ask(self, command: str) -> str:
        """The answer to a command."""
        parts = []
        try:
            with socket.socket(socket.AF_UNIX) as link:
                link.settimeout(PATIENCE_S)
                link.connect(self._path)
                link.sendall(command.encode() + b"\n")
                while not parts or parts[-1]:
                    parts.append(link.recv(65536))
        except OSError as error:
            raise Failure("HAProxy does not answer on %s: %s" % (self._path, error)) from error
        return b"".join(parts).decode().strip()

    def order(self, command: str) -> None:
        """A command that is done when its answer is one of success, or none."""
        answer = self.ask(command)
        if answer and not answer.startswith(("New server registered", "Server deleted")):
            raise Failure("HAProxy refuses %r: %s" % (command, answer))

    def info(self) -> Dict[str, str]:
        """Its version and description, among others."""
        return dict(line.split(": ", 1) for line in self.ask("show info").splitlines() if ": " in line)

    def hosts(self) -> Dict[str, Host]:
        """Every host that it knows, in rotation or not."""
        return {name: Host(row["addr"], row["slim"]) for name, row in self._table().items()}

    def requests(self, name: str) -> int:
        """How many requests a host has."""
        return int(self._table()[name]["scur"])

    def _table(self) -> Dict[str, Dict[str, str]]:
        answer = self.ask("show stat %s 4 -1" % BACKEND)  # 4: its servers
        return {row["svname"]: row for row in csv.DictReader(answer.lstrip("# ").splitlines())}


def differences(wanted: Wanted, running: Running, version: str) -> List[str]:
    """What only new workers can take in."""
    info, words = running.info(), []
    if info.get("Version", "").split("-")[0] != version:
        words.append("HAProxy %s runs, and %s is installed" % (info.get("Version"), version))
    if info.get("description") != wanted.digest:
        words.append("another configuration is in force than the file has")
    return words


def host_differences(wanted: Wanted, running: Running) -> List[str]:
    """What can be put right while HAProxy runs."""
    known = running.hosts()
    words = ["%s is no host any more" % name for name in sorted(set(known) - set(wanted.hosts))]
    for name, host in sorted(wanted.hosts.items()):
        if known.get(name) != host:
            words.append(
                "%s is %s in the file, and %s in HAProxy" % (name, tuple(host), tuple(known.get(name, ("none",))))
            )
    return words


def change_hosts(wanted: Wanted, running: Running) -> None:
    """Add, change and remove hosts; one that leaves answers first what it has."""
    known = running.hosts()
    for name, host in known.items():
        if name not in wanted.hosts or wanted.hosts[name].address != host.address:
            leave(running, name)
    known = running.hosts()
    for name, host in sorted(wanted.hosts.items()):
        place = "%s/%s" % (BACKEND, name)
        if name not in known:
            running.order("add server %s %s maxconn %s %s" % (place, *host, wanted.options[name]))
            running.order("enable health %s" % place)
            running.order("enable server %s" % place)
        elif known[name] != host:
            running.order("set maxconn server %s %s" % (place, host.connections))


def leave(running: Running, name: str) -> None:
    """Take a host out when it has answered what it has, for PATIENCE_S at most."""
    place = "%s/%s" % (BACKEND, name)
    running.order("set server %s state drain" % place)
    until(lambda: running.requests(name) == 0)
    running.order("set server %s state maint" % place)
    running.order("shutdown sessions server %s" % place)
    # Connections that are kept open for requests to come are closed by and by.
    if not until(lambda: "deleted" in running.ask("del server %s" % place)):
        raise Failure("%s can't be taken out, it is left in maintenance: HAProxy still has connections to it" % name)


def reload(wanted: Wanted, running: Running, master: int, version: str) -> None:
    """Start new workers, which take over sockets and what is known of the hosts."""
    keep(wanted.state, running.ask("show servers state"))
    os.kill(master, signal.SIGUSR2)

    def taken_over() -> bool:
        try:
            return not differences(wanted, running, version)
        except Failure:  # between two workers
            return False

    if not until(taken_over):
        raise Failure("No worker took over in %d s; the old ones still serve. The journal says why" % PATIENCE_S)


def keep(path: str, text: str) -> None:
    """Write a file whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text + "\n")
    os.replace(temporary, path)


def until(true: Callable[[], bool]) -> bool:
    """Wait until it is true, for PATIENCE_S at most; whether it became so."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_S)
    return True


def answers(running: Running) -> bool:
    try:
        return bool(running.info())
    except Failure:
        return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "action",
        choices=["check", "apply", "wait"],
        help="check: say what differs, 1 if anything does; apply: put it right (systemctl reload); wait: for a worker",
    )
    parser.add_argument("--root", default="/", help="the directory that all paths begin in")
    given = parser.parse_args()
    try:
        with open(os.path.join(given.root, CONFIG), encoding="utf-8") as stream:
            wanted = Wanted(stream.read())
        version = os.path.basename(os.readlink(os.path.join(given.root, HAPROXY)))
        running = Running(wanted.socket)
        if given.action == "wait":
            if not until(lambda: answers(running)):
                raise Failure("No worker of HAProxy answers on %s" % wanted.socket)
        elif given.action == "check":
            words = differences(wanted, running, version) + host_differences(wanted, running)
            print("\n".join(words), end="\n" if words else "")
            return 1 if words else 0
        else:
            if not differences(wanted, running, version):
                change_hosts(wanted, running)
            else:
                reload(wanted, running, int(os.environ["MAINPID"]), version)
    except (Failure, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
