"""Who listens on a TCP port, told from /proc alone. Runs on the host's Python 3.6."""

import os
from typing import Dict, List, Set

LISTEN = "0A"  # the kernel's number for the state, include/net/tcp_states.h


def listening_inodes(port: int, proc: str = "/proc") -> Set[str]:
    """The inodes of the sockets that listen on `port`, IPv4 and IPv6."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        try:
            with open(os.path.join(proc, "net", table)) as handle:
                rows = [line.split() for line in handle.readlines()[1:]]
        except FileNotFoundError:  # a kernel without IPv6
            continue
        inodes |= {row[9] for row in rows if row[3] == LISTEN and int(row[1].rsplit(":", 1)[1], 16) == port}
    return inodes


def listeners(port: int, proc: str = "/proc") -> List[Dict[str, object]]:
    """`pid` and `name` of each process that holds a socket listening on `port`; sees all processes as root only."""
    wanted = {"socket:[{0}]".format(inode) for inode in listening_inodes(port, proc)}
    found: List[Dict[str, object]] = []
    if not wanted:
        return found
    for pid in sorted((int(name) for name in os.listdir(proc) if name.isdigit())):
        try:
            descriptors = os.path.join(proc, str(pid), "fd")
            if wanted & {os.readlink(os.path.join(descriptors, name)) for name in os.listdir(descriptors)}:
                with open(os.path.join(proc, str(pid), "comm")) as handle:
                    found.append({"pid": pid, "name": handle.read().strip()})
        except OSError:  # the process ended meanwhile
            continue
    return found
