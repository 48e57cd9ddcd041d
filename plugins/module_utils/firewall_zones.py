"""Which zones of firewalld decide about those who come to a host. Runs on the host's Python 3.6.

`root` is the root of the file system, `run` runs a command and answers its output, "" where it fails.
"""

import ipaddress
import os
from typing import Callable, Dict, List

from ansible.module_utils.firewall_rules import Zone
from ansible.module_utils.programs import Run
from ansible.module_utils.survey_machine import key_values, read

FLAG_UP = 0x1
EVERYWHERE_4, EVERYWHERE_6 = "00000000", "0" * 32


def routed(root: str) -> List[str]:
    """Interfaces with a default route."""
    found = []
    for line in read(root, "proc/net/route").splitlines()[1:]:
        name, destination, _, flags, _, _, _, mask = line.split()[:8]
        if destination == mask == EVERYWHERE_4 and int(flags, 16) & FLAG_UP:
            found.append(name)
    for line in read(root, "proc/net/ipv6_route").splitlines():
        fields = line.split()
        if fields[:2] == [EVERYWHERE_6, "00"] and fields[9] != "lo" and int(fields[8], 16) & FLAG_UP:
            found.append(fields[9])
    return found


def with_address(run: Run, address: str) -> List[str]:
    """The interface that has an address of this host."""
    lines = [line.split() for line in run(["ip", "-o", "addr", "show"]).splitlines()]
    return [words[1] for words in lines if len(words) > 3 and words[3].partition("/")[0] == address] if address else []


def reached_by(root: str, run: Run, server: str) -> List[str]:
    """Interfaces by which others come to this host: that of the connection, and those with a default route."""
    found = with_address(run, server) + routed(root)
    return [name for place, name in enumerate(found) if name not in found[:place]]


def zone_at_start(root: str, run: Run, interface: str, zones: Dict[str, Zone], default: str) -> str:
    """The zone that an interface will have once firewalld starts.

    NetworkManager says for its own interfaces, and one that names no zone has the default one, whatever a zone's file
    says (changeZoneOfInterface of firewalld).
    """
    connection = run(["nmcli", "-g", "GENERAL.CON-UUID", "device", "show", interface]).strip()
    if connection.strip("-"):
        return run(["nmcli", "-g", "connection.zone", "connection", "show", connection]).strip() or default
    written = read(root, os.path.join("etc/sysconfig/network-scripts", "ifcfg-" + interface))
    own: str = key_values(written).get("ZONE", "")
    return own or zone_of(interface, zones, default)


def zone_of(interface: str, zones: Dict[str, Zone], default: str) -> str:
    """The zone that an interface is bound to; eth+ stands for every name that begins with eth."""
    for zone in zones.values():
        for bound in zone.interfaces:
            if bound == interface or (bound.endswith("+") and interface.startswith(bound[:-1])):
                return str(zone.name)
    return default


def zones_of_source(client: str, zones: Dict[str, Zone], entries: Callable[[str], List[str]]) -> List[str]:
    """Zones that a client has by its address, which come before those of interfaces. `entries` lists an ipset."""
    found = []
    for zone in zones.values():
        sources: List[str] = []
        for source in zone.sources:
            sources += entries(source[len("ipset:") :]) if source.startswith("ipset:") else [source]
        if any(within(client, source) for source in sources):
            found.append(zone.name)
    return found


def within(client: str, source: str) -> bool:
    try:
        return ipaddress.ip_address(client) in ipaddress.ip_network(source, strict=False)
    except ValueError:
        return False  # a hardware address, or a kind of ipset that holds more than addresses
