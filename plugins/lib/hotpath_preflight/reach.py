"""How Ansible gets to a host: what two names share that are one machine, and what a connection can't do."""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any, NamedTuple

from .problem import Problem
from .values import Values

SSH_ARGUMENTS = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
SSH_PORT = "22"
# Connection plugins that speak it.
SSH = ("ssh", "smart", "paramiko", "paramiko_ssh", "ansible.netcommon.libssh")
# Of ssh's options those that decide where a connection ends. A short one stands for the long one behind it.
ROUTING = {"proxyjump": "-J", "proxycommand": "", "hostname": "", "port": "-p"}


class Way(NamedTuple):
    """Where a connection ends. Equal ways lead to one machine; the same address behind two bastions is two."""

    connection: str
    address: str
    port: str
    through: str
    """ssh's proxy, or its configuration file, in which one may be"""


def way_to(host: str, variables: Mapping[str, Any]) -> Way:
    """`variables` of the inventory, as Ansible names them."""
    connection = str(variables.get("ansible_connection", "ssh"))
    if connection == "local":
        return Way("local", "", "", "")
    given = _routing(" ".join(str(variables.get(name) or "") for name in SSH_ARGUMENTS))
    address = given.get("hostname") or variables.get("ansible_host") or variables.get("ansible_ssh_host") or host
    port = variables.get("ansible_port") or variables.get("ansible_ssh_port") or given.get("port") or SSH_PORT
    through = given.get("proxycommand") or given.get("proxyjump") or given.get("file") or ""
    return Way("ssh" if connection in SSH else connection, _normal(str(address)), str(port), through)


def _routing(text: str) -> dict[str, str]:
    """The options of a command line of ssh that decide where it leads; of one given twice the first counts."""
    try:
        words = shlex.split(text)
    except ValueError:
        return {"proxycommand": text}  # a quote is open: whatever ssh makes of it
    found: dict[str, str] = {}
    for word, after in zip_longest(words, words[1:], fillvalue=""):
        for name, short in ROUTING.items():
            option = (word.removeprefix("-o") or after) if word.startswith("-o") else ""
            if match := re.match(rf"{name}[\s=]+(.*)", option, re.IGNORECASE):
                found.setdefault(name, match[1].strip())
            elif short and word.startswith(short):
                found.setdefault(name, word.removeprefix(short) or after)
        if word.startswith("-F"):
            found.setdefault("file", word.removeprefix("-F") or after)
    return {name: value for name, value in found.items() if value.lower() != "none"}


def _normal(address: str) -> str:
    """One spelling of an address or a name."""
    try:
        return str(ipaddress.ip_address(address.strip("[]")))
    except ValueError:
        return address.lower().rstrip(".")


def local(variables: Mapping[str, Any], values: Values) -> Iterator[Problem]:
    """A host that is the controller itself."""
    if str(variables.get("ansible_connection", "")) != "local":
        return
    if values.reboot_mode == "never":
        yield Problem(
            "connection",
            "ansible_connection is local: this host is the controller",
            "All roles work; what needs a reboot waits for one, and reboot_mode: never leaves that to you.",
            "Where the play says that a role waits for a reboot: reboot, then run it again.",
            "note",
        )
        return
    yield Problem(
        "connection",
        f"ansible_connection is local, and reboot_mode is {values.reboot_mode}",
        "The play would have to reboot the machine that it runs on, and could not go on.",
        "Set reboot_mode: never for this host; the play then says what waits for a reboot. Reboot, and run it again.",
    )
