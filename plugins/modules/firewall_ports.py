#!/usr/bin/python
"""Ansible module: keep ports open in the zones of firewalld by which others come (runs on the host's Python 3.6)."""

DOCUMENTATION = r"""
module: firewall_ports
short_description: Keep ports open where others come to a host, and closed those that shall be
description:
  - A port counts as open when anything in the zone opens it to everybody, such as a port, a range, a service, a
    protocol, a rich rule or the target C(ACCEPT). Only what is missing is added, so that no two entries overlap.
  - Every port on which sshd listens is open in the zone that decides about the connection, whatever else is asked.
  - Permanent rules and, where firewalld runs, those in force are compared and put right each by themselves. Nothing is
    reloaded, so that rules of others at run time stay.
options:
  zone:
    description: Zone of the ports; empty for that of the interfaces with a default route, or with the connection.
    type: str
    default: ""
  ports:
    description: Ports that are open to everybody, as C(8000/tcp) or C(8000-8010/tcp), and C(vrrp), which has none.
    type: list
    elements: str
    required: true
  closed:
    description: Ports that are closed; a range that holds one is cut.
    type: list
    elements: str
    default: []
  root:
    description: Root of the file system to look at; for tests.
    type: path
    default: /
author: [Hotpath]
"""

EXAMPLES = r"""
- name: Open the service's port
  firewall_ports:
    ports: [8000/tcp]
"""

RETURN = r"""
running: {description: Whether firewalld runs., type: bool, returned: always}
sshd: {description: Ports on which sshd listens., type: list, elements: int, returned: always}
doubled:
  description: Files of zones that held ports which others of theirs cover.
  type: list
  elements: str
  returned: always
zones:
  description: >-
    By name of a zone: C(wanted) ports, those C(missing) in the permanent rules and C(missing_now) in those in force,
    and C(not_closed) in either, all as they were found.
  type: dict
  returned: always
"""

import os
from typing import Dict, List, NamedTuple, Tuple

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.firewall_rules import Ports, Zone, cut, keeps_open, meets, missing, obstacle, parse_port
from ansible.module_utils.firewall_zones import reached_by, zone_at_start, zone_of, zones_of_source
from ansible.module_utils.firewalld import Firewalld
from ansible.module_utils.programs import Run, answers
from ansible.module_utils.sshd_ports import Connection, connection, sshd_ports

PERMANENT, NOW = True, False


class Wishes(NamedTuple):
    """Ports that shall be open by zone, and those that shall be closed."""

    open: Dict[str, List[Ports]]
    closed: Dict[str, List[Ports]]


class Lack(NamedTuple):
    """What a zone is short of: ports to add; entries to remove, with what of them comes back; what no port can mend."""

    missing: List[Ports]
    gone: List[Ports]
    kept: List[Ports]
    complaints: List[str]


def ports_of(module: AnsibleModule, name: str) -> List[Ports]:
    found: List[Ports] = []
    for port in module.params[name]:
        try:
            found.append(parse_port(port))
        except ValueError as problem:
            module.fail_json(msg="%s: %s" % (name, problem))
    return found


def deciding_zones(root: str, run: Run, firewalld: Firewalld, through: Connection) -> Tuple[List[str], List[str]]:
    """Zones of the interfaces by which others come, and those that decide by the address of who is connected."""
    default, zones = firewalld.default_zone(), firewalld.zones(PERMANENT)
    interfaces = reached_by(root, run, through.server)
    found = [zone_at_start(root, run, interface, zones, default) for interface in interfaces]
    by_source = zones_of_source(through.client, zones, lambda name: firewalld.entries(PERMANENT, name))
    if firewalld.running:
        zones = firewalld.zones(NOW)
        found += [zone_of(interface, zones, default) for interface in interfaces]
        by_source += zones_of_source(through.client, zones, lambda name: firewalld.entries(NOW, name))
    return sorted(set(found)) or [default], sorted(set(by_source))


def wishes(module: AnsibleModule, firewalld: Firewalld, sshd: List[int], through: Connection) -> Wishes:
    ours, closed = ports_of(module, "ports"), ports_of(module, "closed")
    theirs = [Ports("tcp", port, port) for port in sshd]
    for shut in closed:
        if any(meets(shut, ports) for ports in theirs):
            module.fail_json(msg="closed: sshd listens on %s; closing that would lock everybody out." % str(shut))
        if any(meets(shut, ports) for ports in ours):
            module.fail_json(msg="closed: %s is among the open ports too. Leave it out of one of both." % str(shut))
    reached, by_source = deciding_zones(module.params["root"], answers(module), firewalld, through)
    own_zones = [module.params["zone"]] if module.params["zone"] else reached
    wanted = {zone: list(ours) for zone in own_zones}
    for zone in reached + by_source:
        wanted.setdefault(zone, [])
        wanted[zone] += [ports for ports in theirs if ports not in wanted[zone]]
    return Wishes(wanted, {zone: closed for zone in own_zones})


def lack_of(zone: Zone, services: Dict[str, Tuple[Ports, ...]], wanted: List[Ports], closed: List[Ports]) -> Lack:
    gone, kept = cut(zone.ports, closed)
    shut = [(ports, obstacle(zone, services, ports)) for ports in wanted]
    opened = [(ports, keeps_open(zone, services, ports)) for ports in closed]
    complaints = [
        "%s stays shut in the zone %s by %s" % (str(ports), zone.name, cause) for ports, cause in shut if cause
    ]
    complaints += [
        "%s stays open in the zone %s by %s" % (str(ports), zone.name, cause) for ports, cause in opened if cause
    ]
    return Lack(missing(zone, services, wanted), gone, kept, complaints)


def look(module: AnsibleModule, firewalld: Firewalld, permanent: bool, wished: Wishes) -> Dict[str, Lack]:
    """What each zone of concern is short of."""
    zones = firewalld.zones(permanent)
    found = {}
    for name, wanted in wished.open.items():
        if name not in zones:
            module.fail_json(
                msg="firewalld has no zone %s%s. It has: %s."
                % (name, "" if permanent else " in force until it is reloaded", ", ".join(sorted(zones)))
            )
        services = firewalld.services(permanent, zones[name])
        found[name] = lack_of(zones[name], services, wanted, wished.closed.get(name, []))
    complaints = [complaint for lack in found.values() for complaint in lack.complaints]
    if complaints:
        module.fail_json(
            msg="%s. Ports cannot change that%s: take it out with firewall-cmd, or correct firewall_ports and "
            "firewall_closed_ports."
            % ("; ".join(complaints), " (permanent rules)" if permanent else " (rules in force)")
        )
    return found


def put_right(firewalld: Firewalld, permanent: bool, lacks: Dict[str, Lack]) -> None:
    """Opened before anything is closed."""
    for zone, lack in lacks.items():
        firewalld.add(permanent, zone, lack.missing)
        firewalld.remove(permanent, zone, lack.gone)
        firewalld.add(permanent, zone, lack.kept)


def texts(ports: List[Ports]) -> List[str]:
    return [str(entry) for entry in ports]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "zone": {"type": "str", "default": ""},
            "ports": {"type": "list", "elements": "str", "required": True},
            "closed": {"type": "list", "elements": "str", "default": []},
            "root": {"type": "path", "default": "/"},
        },
        supports_check_mode=True,
    )
    root = module.params["root"]
    firewalld = Firewalld(module)
    through = connection(root, os.getpid())
    sshd = sshd_ports(root, answers(module), through)
    doubled = firewalld.doubled()
    if not module.check_mode:
        for path, text in doubled.items():
            temporary = os.path.join(module.tmpdir, os.path.basename(path))
            with open(temporary, "w") as stream:
                stream.write(text)
            module.atomic_move(temporary, path)

    wished = wishes(module, firewalld, sshd, through)
    layers = [PERMANENT, NOW] if firewalld.running else [PERMANENT]
    lacks = {layer: look(module, firewalld, layer, wished) for layer in layers}
    short = {layer: any(lack.missing or lack.gone for lack in lacks[layer].values()) for layer in layers}
    for layer in layers:
        if short[layer] and not module.check_mode:
            put_right(firewalld, layer, lacks[layer])
            left = [name for name, lack in look(module, firewalld, layer, wished).items() if lack.missing or lack.gone]
            if left:
                module.fail_json(msg="firewalld took the ports, but the zone %s lacks them still." % ", ".join(left))
    if not firewalld.running and not module.check_mode and (doubled or short[PERMANENT]):
        firewalld.require_that_it_loads()

    now = lacks.get(NOW, {})
    module.exit_json(
        changed=bool(doubled) or any(short.values()),
        running=firewalld.running,
        sshd=sshd,
        doubled=sorted(doubled),
        zones={
            name: {
                "wanted": texts(wished.open[name]),
                "missing": texts(lack.missing),
                "missing_now": texts(now[name].missing) if name in now else [],
                "not_closed": texts(lack.gone + (now[name].gone if name in now else [])),
            }
            for name, lack in lacks[PERMANENT].items()
        },
    )


if __name__ == "__main__":
    main()
