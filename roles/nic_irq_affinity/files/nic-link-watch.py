#!/usr/libexec/platform-python
"""Place the interrupts of planned interfaces again whenever a link came up and they are elsewhere (Python 3.6).

The driver makes new interrupts then. The kernel tells of links and addresses by netlink (rtnetlink(7)), whoever sets
them: NetworkManager, systemd-networkd, network-scripts, ip(8). udev hears of devices alone.
"""

import argparse
import errno
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time
from typing import Iterator, List, Set

PLACEMENT = "etc/hotpath/nic-irq-affinity.json"
PLACE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "nic-irq-affinity")
# linux/rtnetlink.h
GROUPS = 0x1 | 0x10 | 0x100  # RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR
NEW_LINK, NEW_ADDRESS = 16, 20
HEADER = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
INDEX = struct.Struct("=4xi")  # the interface, as both ifinfomsg and ifaddrmsg have it
IFF_UP = 0x1
READ = 65536
SETTLED_S = 1.0
"""A link that comes up is told of several times; nobody is asked before it is over."""


def listen() -> socket.socket:
    events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    events.bind((0, GROUPS))
    return events


def changed(data: bytes) -> Iterator[int]:
    """Indices of the interfaces of which a message of the kernel says that they have a new state or address."""
    start = 0
    while start + HEADER.size + INDEX.size <= len(data):
        length, kind, _, _, _ = HEADER.unpack_from(data, start)
        if length < HEADER.size:
            return
        if kind in (NEW_LINK, NEW_ADDRESS):
            yield INDEX.unpack_from(data, start + HEADER.size)[0]
        start += (length + 3) & ~3


def take(events: socket.socket, planned: List[str]) -> Set[str]:
    """Which planned interfaces the waiting messages are about; all of them when some were lost."""
    found: Set[str] = set()
    try:
        indices = set(changed(events.recv(READ)))
    except OSError as error:
        if error.errno != errno.ENOBUFS:
            raise
        return set(planned)
    for index in indices:
        try:
            found.add(socket.if_indextoname(index))
        except OSError:  # gone again
            continue
    return found & set(planned)


def planned_interfaces(root: str) -> List[str]:
    """As the plan on disk has them now."""
    with open(os.path.join(root, PLACEMENT)) as stream:
        return sorted(json.load(stream)["interfaces"])


def is_up(root: str, interface: str) -> bool:
    try:
        with open(os.path.join(root, "sys/class/net", interface, "flags")) as stream:
            return bool(int(stream.read(), 16) & IFF_UP)
    except OSError:
        return False


def put_right(root: str, interface: str) -> None:
    """As the interface's unit does, but without its queues: setting those takes the link down."""
    if not is_up(root, interface):
        return
    program = [PLACE, "--root", root]
    asked = subprocess.run([*program, "--check", interface], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if asked.returncode == 0:
        return
    reason = asked.stderr.decode(errors="replace").strip().partition("\n")[0]
    print("{}: placed again, because {}".format(interface, reason), flush=True)
    # First, so that it does not undo what follows; its bans name interrupts.
    subprocess.run(["systemctl", "try-restart", "irqbalance.service"])
    subprocess.run([*program, interface])


def main(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default="/", help="directory under which sys, proc and etc are looked for")
    root = parser.parse_args(arguments).root
    began = os.stat(__file__).st_mtime
    with listen() as events:
        waiting, due = set(planned_interfaces(root)), 0.0  # what came up before this one listened
        while True:
            left = max(0.0, due - time.monotonic()) if waiting else None
            if select.select([events], [], [], left)[0]:
                told = take(events, planned_interfaces(root))
                waiting, due = waiting | told, time.monotonic() + SETTLED_S if told else due
            if not waiting or time.monotonic() < due:
                continue
            if os.stat(__file__).st_mtime != began:
                return 0  # systemd starts the new one, which looks at all of them
            for interface in sorted(waiting):
                put_right(root, interface)
            waiting = set()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
