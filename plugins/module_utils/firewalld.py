"""The calls of firewalld's own tools, which ask the running daemon or the permanent rules. Runs on Python 3.6."""

import os
from typing import Any, Dict, List, Tuple

from ansible.module_utils.firewall_rules import (
    WHOLE,
    Ports,
    Zone,
    all_ports,
    fields,
    parse_port,
    parse_zones,
    without_doubled_ports,
)

Services = Dict[str, Tuple[Ports, ...]]


class Firewalld:
    """`permanent` asks for the rules after the next start, else for those in force."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._zones = os.path.join(module.params["root"], "etc/firewalld/zones")
        self._offline = module.get_bin_path("firewall-offline-cmd")
        self._online = module.get_bin_path("firewall-cmd")
        if not self._offline or not self._online:
            module.fail_json(msg="firewalld is not installed, so its zones cannot be looked at. Install it.")
        code, out, err = module.run_command([self._online, "--state"])
        if "failed" in out + err:
            module.fail_json(
                msg="firewalld runs, but its rules failed to load. 'journalctl -u firewalld' and 'firewall-offline-cmd "
                "--check-config' tell why."
            )
        self.running: bool = code == 0

    def _ask(self, permanent: bool, *arguments: str) -> str:
        command = [self._online]
        if permanent:
            command = [self._online, "--permanent"] if self.running else [self._offline]
        _, out, _ = self._module.run_command(command + list(arguments), check_rc=True)
        return str(out)

    def default_zone(self) -> str:
        """It has no permanent side: firewall-cmd sets it in both."""
        return self._ask(not self.running, "--get-default-zone").strip()

    def zones(self, permanent: bool) -> Dict[str, Zone]:
        answer = self._ask(permanent, "--list-all-zones")
        try:
            found: Dict[str, Zone] = parse_zones(answer)
        except (ValueError, KeyError) as problem:
            self._module.fail_json(msg="A zone of firewalld cannot be understood: %s" % problem)
            raise
        return found

    def services(self, permanent: bool, zone: Zone) -> Services:
        """The ports of every service that a zone or its rules name, those of the services within it included."""
        names = list(zone.services) + [rule.service for rule in zone.rules if rule.service]
        return {name: self._ports_of(permanent, name, []) for name in names}

    def _ports_of(self, permanent: bool, service: str, seen: List[str]) -> Tuple[Ports, ...]:
        seen.append(service)
        answer = fields(self._ask(permanent, "--info-service=" + service).splitlines()[1:])
        found = [parse_port(port) for port in answer.get("ports", "").split()]
        found += [all_ports(protocol) for protocol in answer.get("protocols", "").split()]
        for name in answer.get("includes", "").split():
            if name not in seen:
                found += self._ports_of(permanent, name, seen)
        return tuple(found)

    def entries(self, permanent: bool, ipset: str) -> List[str]:
        return self._ask(permanent, "--ipset=" + ipset, "--get-entries").split()

    def add(self, permanent: bool, zone: str, ports: List[Ports]) -> None:
        self._change(permanent, zone, "add", ports)

    def remove(self, permanent: bool, zone: str, ports: List[Ports]) -> None:
        self._change(permanent, zone, "remove", ports)

    def _change(self, permanent: bool, zone: str, verb: str, ports: List[Ports]) -> None:
        """Ports and whole protocols apart: one call takes options of one kind."""
        for kind, whole in (("port", False), ("protocol", True)):
            options = ["--%s-%s=%s" % (verb, kind, entry) for entry in ports if (entry.protocol in WHOLE) == whole]
            if options:
                self._ask(permanent, "--zone=" + zone, *options)

    def doubled(self) -> Dict[str, str]:
        """Files of zones that firewalld 0.9.3 would not load, by their paths, with the text that says the same."""
        found = {}
        for name in sorted(os.listdir(self._zones)) if os.path.isdir(self._zones) else []:
            if name.endswith(".xml"):
                path = os.path.join(self._zones, name)
                with open(path) as stream:
                    text = stream.read()
                if without_doubled_ports(text) != text:
                    found[path] = without_doubled_ports(text)
        return found

    def require_that_it_loads(self) -> None:
        """Before firewalld is started on rules that it cannot load, which would shut everybody out."""
        code, out, err = self._module.run_command([self._offline, "--check-config"])
        if code != 0:
            self._module.fail_json(msg="firewalld would not load its rules: %s" % (err or out).strip())
