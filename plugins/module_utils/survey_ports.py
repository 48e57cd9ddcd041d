"""Who listens on a TCP port, read from /proc. Runs on the host's Python 3.6."""

import glob
import os
import re
from typing import Any, Callable, Collection, Dict, List

from ansible.module_utils.survey_machine import read

LISTEN = "0A"


def listening_inodes(root: str, ports: Collection[int]) -> Dict[str, int]:
    """Socket inode -> port, for the ports asked for."""
    found = {}
    for table in ("proc/net/tcp", "proc/net/tcp6"):
        for line in read(root, table).splitlines()[1:]:
            fields = line.split()
            port = int(fields[1].rsplit(":", 1)[1], 16)
            if fields[3] == LISTEN and port in ports:
                found[fields[9]] = port
    return found


def unit_of(root: str, pid: int) -> str:
    """The systemd unit that a process belongs to, "" when it cannot be told."""
    units = re.findall(r"/([^/\n]+\.(?:service|socket|scope))", read(root, "proc/{0}/cgroup".format(pid)))
    return units[-1] if units else ""


def listeners(root: str, ports: Collection[int], socket_unit: Callable[[int], str]) -> Dict[str, List[Dict[str, Any]]]:
    """Port -> list of {pid, process, unit}. `socket_unit(port)` names the socket unit when systemd itself holds it."""
    inodes = listening_inodes(root, ports)
    found: Dict[str, List[Dict[str, Any]]] = {str(port): [] for port in inodes.values()}
    if not inodes:
        return found
    for link in glob.glob(os.path.join(root, "proc/[0-9]*/fd/*")):
        try:
            target = os.readlink(link)
        except OSError:
            continue  # the process ended, or closed it, while we looked
        inode = target[len("socket:[") : -1] if target.startswith("socket:[") else ""
        if inode in inodes:
            pid = int(link.split("/")[-3])
            unit = socket_unit(inodes[inode]) if pid == 1 else unit_of(root, pid)
            holder = {"pid": pid, "process": read(root, "proc/{0}/comm".format(pid)), "unit": unit}
            if holder not in found[str(inodes[inode])]:
                found[str(inodes[inode])].append(holder)
    return found
