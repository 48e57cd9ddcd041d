"""TCP sockets that listen, and who has them open, read from /proc. Runs on the host's Python 3.6."""

import glob
import os
import socket
from typing import Dict, Iterator, Tuple

from ansible.module_utils.survey_machine import read

LISTEN = "0A"


def address_of(packed: str) -> str:
    """An address as /proc/net/tcp writes it, in words of the machine's byte order: 0100007F -> 127.0.0.1."""
    words = [bytes.fromhex(packed[start : start + 8])[::-1] for start in range(0, len(packed), 8)]
    family = socket.AF_INET if len(packed) == 8 else socket.AF_INET6
    return socket.inet_ntop(family, b"".join(words))


def listening(root: str) -> Dict[str, Tuple[str, int]]:
    """Address and port of each listening TCP socket by its inode."""
    found = {}
    for table in ("proc/net/tcp", "proc/net/tcp6"):
        for line in read(root, table).splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN:
                packed, port = fields[1].split(":")
                found[fields[9]] = (address_of(packed), int(port, 16))
    return found


def open_sockets(pattern: str) -> Iterator[Tuple[str, str]]:
    """Each link of /proc/PID/fd that matches a pattern and leads to a socket, with the socket's inode."""
    for link in glob.glob(pattern):
        try:
            target = os.readlink(link)
        except OSError:
            continue  # the process ended, or closed it, while we looked
        if target.startswith("socket:["):
            yield link, target[len("socket:[") : -1]
