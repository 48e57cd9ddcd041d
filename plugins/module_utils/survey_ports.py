"""Who listens on a TCP port, read from /proc. Runs on the host's Python 3.6."""

import os
import re
from typing import Any, Callable, Collection, Dict, List

from ansible.module_utils.listening_sockets import listening, open_sockets
from ansible.module_utils.survey_machine import read


def unit_of(root: str, pid: int) -> str:
    """The systemd unit that a process belongs to, "" when it cannot be told."""
    units = re.findall(r"/([^/\n]+\.(?:service|socket|scope))", read(root, "proc/{0}/cgroup".format(pid)))
    return units[-1] if units else ""


def listeners(root: str, ports: Collection[int], socket_unit: Callable[[int], str]) -> Dict[str, List[Dict[str, Any]]]:
    """Port -> list of {pid, process, unit}. `socket_unit(port)` names the socket unit when systemd itself holds it."""
    inodes = {inode: port for inode, (_, port) in listening(root).items() if port in ports}
    found: Dict[str, List[Dict[str, Any]]] = {str(port): [] for port in inodes.values()}
    if not inodes:
        return found
    for link, inode in open_sockets(os.path.join(root, "proc/[0-9]*/fd/*")):
        if inode in inodes:
            pid = int(link.split("/")[-3])
            unit = socket_unit(inodes[inode]) if pid == 1 else unit_of(root, pid)
            holder = {"pid": pid, "process": read(root, "proc/{0}/comm".format(pid)), "unit": unit}
            if holder not in found[str(inodes[inode])]:
                found[str(inodes[inode])].append(holder)
    return found
