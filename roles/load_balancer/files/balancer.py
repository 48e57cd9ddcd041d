#!/usr/libexec/platform-python
"""Bring a running HAProxy to what its configuration file says, with the least disturbance that does it (Python 3.6).

Hosts are added and removed while HAProxy runs, where it is one that can (2.6). Everything else is taken in by new
workers, to which the old ones hand their sockets; what a worker knows of its hosts (drained, up, down) is handed on
in a file. Hosts that are out of rotation by the record are taken out, of a HAProxy that was started anew too.
"""

import argparse
import os
import re
import signal
import socket
import sys
from typing import List

from haproxy_runtime import BACKEND, DRAINED, MAINTAINED, PATIENCE_S, Failure, Host, Runtime, keep, setting, until
from rotation_record import Record, alone, path_of, standby_hosts, told

CONFIG = "etc/hotpath/balancer.cfg"
HAPROXY = "opt/hotpath/haproxy/current"
SERVER = re.compile(r"^ +server (\S+) (\S+) maxconn (\d+) (.*)$", re.MULTILINE)
SYSTEM = "system"  # the version of one that its package updates, which is EL8's 1.8


class Wanted:
    """What the configuration file says."""

    def __init__(self, text: str) -> None:
        found = SERVER.findall(text)
        self.hosts = {name: Host(resolved(address), connections) for name, address, connections, _ in found}
        self.options = {name: options for name, _, _, options in found}
        self.digest = setting("description", text)
        self.socket = setting("stats socket", text)
        self.state = setting("server-state-file", text)
        self.standby = standby_hosts(text)

    def record(self) -> Record:
        """Why hosts are out of rotation."""
        return Record.read(path_of(self.state), self.standby)


def resolved(place: str) -> str:
    """An address with its port as HAProxy tells it: a name's own, IPv6 in brackets."""
    host, _, port = place.rpartition(":")
    try:
        address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0][4][0]
    except OSError as error:
        raise Failure("%s can't be resolved (%s): name an address in the inventory" % (host, error)) from error
    return ("[%s]:%s" if ":" in str(address) else "%s:%s") % (address, port)


def differences(wanted: Wanted, running: Runtime, version: str) -> List[str]:
    """What only new workers can take in."""
    info, words = running.info(), []
    if version == SYSTEM:
        words += unlike(wanted, running)
    elif info.get("Version", "").split("-")[0] != version:
        words.append("HAProxy %s runs, and %s is installed" % (info.get("Version"), version))
    if info.get("description") != wanted.digest:
        words.append("another configuration is in force than the file has")
    return words


def unlike(wanted: Wanted, running: Runtime) -> List[str]:
    """Hosts that HAProxy knows otherwise than the file has them."""
    known = running.hosts()
    words = ["%s is no host any more" % name for name in sorted(set(known) - set(wanted.hosts))]
    for name, host in sorted(wanted.hosts.items()):
        if known.get(name) != host:
            words.append(
                "%s is %s in the file, and %s in HAProxy" % (name, tuple(host), tuple(known.get(name, ("none",))))
            )
    return words


def host_differences(wanted: Wanted, running: Runtime) -> List[str]:
    """What can be put right while HAProxy runs."""
    words = unlike(wanted, running)
    for name in astray(wanted, running):
        words.append("%s is in rotation, and is to be out: %s" % (name, told(wanted.record().reasons(name))))
    return words


def astray(wanted: Wanted, running: Runtime) -> List[str]:
    """Hosts in rotation that the record has out of it."""
    record, admin = wanted.record(), running.admin()
    return [name for name, bits in sorted(admin.items()) if record.reasons(name) and not bits & (DRAINED | MAINTAINED)]


def change_hosts(wanted: Wanted, running: Runtime) -> None:
    """Add, change and remove hosts; one that leaves answers first what it has."""
    known = running.hosts()
    for name, host in known.items():
        if name not in wanted.hosts or wanted.hosts[name].address != host.address:
            leave(running, name)
    known, record = running.hosts(), wanted.record()
    for name, host in sorted(wanted.hosts.items()):
        place = "%s/%s" % (BACKEND, name)
        if name not in known:
            running.order("add server %s %s maxconn %s %s" % (place, *host, wanted.options[name]))
            running.order("enable health %s" % place)
            running.listen(name, True)
            if record.reasons(name):
                running.drain(name)
            else:
                running.order("enable server %s" % place)
        elif known[name] != host:
            running.order("set maxconn server %s %s" % (place, host.connections))


def leave(running: Runtime, name: str) -> None:
    """Take a host out when it has answered what it has, for PATIENCE_S at most."""
    place = "%s/%s" % (BACKEND, name)
    running.drain(name)
    until(lambda: running.requests(name) == 0)
    running.order("set server %s state maint" % place)
    running.order("shutdown sessions server %s" % place)
    # Connections that are kept open for requests to come are closed by and by.
    if not until(lambda: "deleted" in running.ask("del server %s" % place)):
        raise Failure("%s can't be taken out, it is left in maintenance: HAProxy still has connections to it" % name)


def reload(wanted: Wanted, running: Runtime, master: int, version: str) -> None:
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


def settle(wanted: Wanted, running: Runtime) -> None:
    """Take out who is to be out, and forget the reasons of hosts that there are no more."""
    for name in astray(wanted, running):
        running.drain(name)
    path = path_of(wanted.state)
    with alone(path):
        record = wanted.record()
        known = record.only(wanted.hosts)
        if known != record:
            keep(path, known.text())


def answers(running: Runtime) -> bool:
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
        running = Runtime(wanted.socket)
        if given.action == "wait":
            if not until(lambda: answers(running)):
                raise Failure("No worker of HAProxy answers on %s" % wanted.socket)
            settle(wanted, running)
        elif given.action == "check":
            words = differences(wanted, running, version)
            words += [word for word in host_differences(wanted, running) if word not in words]
            print("\n".join(words), end="\n" if words else "")
            return 1 if words else 0
        else:
            if not differences(wanted, running, version):
                change_hosts(wanted, running)
            else:
                reload(wanted, running, int(os.environ["MAINPID"]), version)
            settle(wanted, running)
    except (Failure, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
