"""Where sshd listens and who comes through it. Runs on the host's Python 3.6.

`root` is the root of the file system, `run` runs a command and answers its output, "" where it fails.
"""

import glob
import ipaddress
import os
import re
from typing import Dict, List, NamedTuple, Set, Tuple

from ansible.module_utils.listening_sockets import listening, open_sockets
from ansible.module_utils.programs import Run
from ansible.module_utils.survey_machine import read

ANY = {"0.0.0.0", "::", "*", ""}
# What sshd -T asks for where the configuration holds Match blocks; neither ports nor addresses can stand in one.
ASKED = "user=root,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22"


class Connection(NamedTuple):
    """The ssh connection that this process hangs on; empty strings where there is none."""

    client: str
    server: str
    port: int


def outside(address: str) -> bool:
    """Whether others than this machine can come to an address."""
    if address in ANY:
        return True
    try:
        return not ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return True  # a name in the configuration


def plain(address: str) -> str:
    """An address without its scope, and an IPv4 one without what an IPv6 socket puts before it."""
    address = address.partition("%")[0]
    return address[len("::ffff:") :] if address.startswith("::ffff:") and "." in address else address


def masters(root: str) -> List[str]:
    """Folders of the sshd processes that accept connections: those that process 1 started, and no session's."""
    found = []
    for folder in sorted(glob.glob(os.path.join(root, "proc/[0-9]*"))):
        if read(folder, "comm") == "sshd" and re.search(r"^PPid:\s+1$", read(folder, "status"), re.MULTILINE):
            found.append(folder)
    return found


def held_by(folder: str, inodes: Dict[str, Tuple[str, int]]) -> List[Tuple[str, int]]:
    return [inodes[inode] for _, inode in open_sockets(os.path.join(folder, "fd/*")) if inode in inodes]


def configured(run: Run) -> List[Tuple[str, int]]:
    """Where sshd will listen after its next start."""
    answer = run(["sshd", "-T", "-C", ASKED])
    addresses = re.findall(r"^listenaddress (?:\[([^\]]*)\]|([^:\s]*)):(\d+)", answer, re.MULTILINE)
    ports = re.findall(r"^port (\d+)$", answer, re.MULTILINE)
    return [(six or four, int(port)) for six, four, port in addresses] or [("", int(port)) for port in ports]


def of_socket_units(run: Run) -> List[Tuple[str, int]]:
    """Where systemd listens in sshd's place."""
    answer = run(["systemctl", "show", "sshd.socket", "ssh.socket", "--property=ActiveState,Listen"])
    found: List[Tuple[str, int]] = []
    for unit in answer.split("\n\n"):
        if "ActiveState=active" in unit:
            spots = re.findall(r"^Listen=(.*?):?(\d+) \(Stream\)$", unit, re.MULTILINE)
            found += [(address.strip("[]"), int(port)) for address, port in spots]
    return found


def connection(root: str, pid: int) -> Connection:
    """What sshd says of itself to the processes below it."""
    while pid > 1:
        folder = os.path.join(root, "proc", str(pid))
        match = re.search(r"(?:^|\0)SSH_CONNECTION=(\S+) \d+ (\S+) (\d+)", read(folder, "environ"))
        if match and match.group(2) != "UNKNOWN":  # no network lies below a sshd -i
            client, server = (plain(match.group(part)) for part in (1, 2))
            return Connection(client, server, int(match.group(3)))
        parent = re.search(r"^PPid:\s+(\d+)$", read(folder, "status"), re.MULTILINE)
        pid = int(parent.group(1)) if parent else 0
    return Connection("", "", 0)


def sshd_ports(root: str, run: Run, through: Connection) -> List[int]:
    """Every TCP port on which others can reach sshd, now or after its next start."""
    running = masters(root)
    inodes = listening(root)
    spots = [spot for folder in running for spot in held_by(folder, inodes)] + of_socket_units(run)
    spots += configured(run) if running else []
    ports: Set[int] = {port for address, port in spots if outside(address)}
    return sorted(ports | ({through.port} if through.port else set()))
